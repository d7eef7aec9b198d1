import fc from 'fast-check'
import { expect, test } from 'vitest'
import { viewOf } from '../../collector/archive/byte-ranges.ts'
import { GramBitmap } from '../../collector/archive/grams.ts'
import { MessageSplitter } from '../../collector/archive/message-columns.ts'
import { joinMessages } from '../../collector/archive/message-join.ts'

const grams = new GramBitmap()
const splitter = new MessageSplitter()

function split(...texts: (string | Buffer)[]) {
  splitter.clear()
  for (const text of texts) {
    const bytes = Buffer.from(text)
    splitter.add(viewOf(bytes), 0, bytes.length, 0, grams, 0)
  }
  return splitter.finish()
}

function roundTrip(texts: readonly Buffer[]): Buffer[] {
  const joined = joinMessages(split(...texts), texts.length)
  return texts.map((_, i) => joined.bytes.subarray(joined.starts[i], joined.starts[i + 1]))
}

const skeletonsOf = (...texts: string[]) => {
  const { skeletonBytes, valueBytes } = split(...texts)
  return [Buffer.from(skeletonBytes).toString(), Buffer.from(valueBytes).toString()]
}

test('message texts of one kind share a skeleton, and the values of one slot are stored together', () => {
  expect(skeletonsOf('from 10.2.3.4 port 50221', 'from 10.2.9.1 port 40007')).toEqual([
    'from \0 port \0',
    '10.2.3.410.2.9.15022140007',
  ])
})

test('a word is a value if it has a digit or follows = or /', () => {
  expect(skeletonsOf('user=alice path=/var/log a1b2: done.')).toEqual([
    'user=\0 path=/\0/\0 \0: done.',
    'alicevarloga1b2',
  ])
})

test('texts with the byte that marks slots in a skeleton, and other control bytes, come back unchanged', () => {
  const texts = ['\0', '\x01', '\x01\x02', '\0\x01\0 5', 'a\0b7'].map((text) => Buffer.from(text))
  expect(roundTrip(texts)).toEqual(texts)
})

test('any number of texts of any bytes comes back unchanged', () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(fc.constantFrom('a', '7', 'x9', '.', ':', '=', '/', ' ', '-', '\0', '\x01', '10.0.0.1', 'é'), {
        maxLength: 12,
      })
      .map((parts) => Buffer.from(parts.join(''))),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 50 }), (texts) => {
      expect(roundTrip(texts)).toEqual(texts)
    }),
    { numRuns: 2000 },
  )
})

test('texts come back unchanged if there are more than the initial buffers hold', () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`request ${i} of 20000 took ${i % 97}ms`))
  expect(roundTrip(texts)).toEqual(texts)
})

test('joining streams of which one is truncated throws a RangeError', () => {
  const streams = split('took 5ms', 'left 6ms')
  const copy = Object.fromEntries(
    Object.entries(streams).map(([name, stream]) => [name, stream.slice()]),
  ) as typeof streams
  for (const name of Object.keys(copy) as (keyof typeof copy)[]) {
    expect(() => joinMessages({ ...copy, [name]: copy[name].slice(0, -1) }, 2)).toThrow(RangeError)
  }
})
