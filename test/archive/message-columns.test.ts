import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageSplitter, joinMessages } from '../../collector/archive/message-columns.ts'

const splitter = new MessageSplitter()

function roundTrip(texts: readonly Buffer[]): Buffer[] {
  const bytes = Buffer.concat(texts)
  const ends = new Uint32Array(texts.length)
  texts.forEach(({ length }, i) => (ends[i] = length + (i === 0 ? 0 : ends[i - 1])))
  const streams = splitter.split(bytes, ends, texts.length)
  const joined = joinMessages(streams, texts.length)
  return texts.map((_, i) => joined.bytes.subarray(joined.starts[i], joined.starts[i + 1]))
}

const skeletonsOf = (...texts: string[]) => {
  const bytes = Buffer.from(texts.join(''))
  const ends = Uint32Array.from(texts, (_, i) => Buffer.byteLength(texts.slice(0, i + 1).join('')))
  const { skeletonBytes, valueBytes } = splitter.split(bytes, ends, texts.length)
  return [Buffer.from(skeletonBytes).toString(), Buffer.from(valueBytes).toString()]
}

test('messages of one kind share a skeleton, and values of one slot lie together', () => {
  expect(skeletonsOf('from 10.2.3.4 port 50221', 'from 10.2.9.1 port 40007')).toEqual([
    'from \0 port \0',
    '10.2.3.410.2.9.15022140007',
  ])
})

test('words are values where they have a digit, or stand behind = or /', () => {
  expect(skeletonsOf('user=alice path=/var/log a1b2: done.')).toEqual([
    'user=\0 path=/\0/\0 \0: done.',
    'alicevarloga1b2',
  ])
})

test('control bytes that mean something in a skeleton come back as they were', () => {
  const texts = ['\0', '\x01', '\x01\x02', '\0\x01\0 5', 'a\0b7'].map((text) => Buffer.from(text))
  expect(roundTrip(texts)).toEqual(texts)
})

test('any texts come back, in any number', () => {
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

test('more messages than the first buffers hold', () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`request ${i} of 20000 took ${i % 97}ms`))
  expect(roundTrip(texts)).toEqual(texts)
})

test('streams that do not fit together are a RangeError, never a wrong text', () => {
  const bytes = Buffer.from('took 5msleft 6ms')
  const streams = splitter.split(bytes, Uint32Array.of(8, 16), 2)
  const copy = Object.fromEntries(
    Object.entries(streams).map(([name, stream]) => [name, stream.slice()]),
  ) as typeof streams
  for (const name of Object.keys(copy) as (keyof typeof copy)[]) {
    expect(() => joinMessages({ ...copy, [name]: copy[name].slice(0, -1) }, 2)).toThrow(RangeError)
  }
})
