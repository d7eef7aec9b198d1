import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RELP_FRAME_BYTES_MAX } from '../../common/limits.ts'
import { zoneNamed } from '../../common/message/zone.ts'
import type { Batch, Run } from '../../common/pipeline/batch.ts'
import { AS_LINES, COUNTED } from '../../common/relp/batch-messages.ts'
import { OriginReader } from '../../common/pipeline/origin-bytes.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { readBatchFrame, unpackedBytes } from '../../common/relp/batch-reader.ts'
import { BATCH_VERSION } from '../../common/relp/batch-writer.ts'
import { zstdCompressor } from '../../common/zstd.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { textsOf } from '../fake/sink.ts'
import { pack } from './packed.ts'

const RECEIVED = 1_790_000_000_000_000

function unpack(data: Buffer, origins = new OriginReader()): Batch | undefined {
  const bytes = unpackedBytes(data, 0, data.length)
  if (bytes === 0) return undefined
  return readBatchFrame(data, 0, data.length, { slab: new SlabPool().take(bytes + 17)!, at: 17 }, 5, origins)
}

const streamOf = (ends: number[], from = 1000, to = from + (ends.at(-1) ?? 0)) => ({
  ...{ id: '0123456789abcdef0123456789abcdef', from, to, ends: Float64Array.from(ends) },
})

function withStream(batch: Batch, stream: Run['stream']): Batch {
  return { ...batch, runs: [{ ...batch.runs[0], ...(stream && { stream }) }] }
}

const origin = originOf({
  ...{
    peer: '198.51.100.9',
    zone: zoneNamed('Europe/Paris')!,
    lines: 'text',
    program: Buffer.from('nginx'),
    priority: 134,
  },
  ...{ source: 'apps', hostForced: true },
})

test('a batch is decoded with its messages, origin, time of receipt and positions', () => {
  const given = withStream(batchOf(['<1>a', '', 'b\nc\0'], origin, RECEIVED), streamOf([5, 6, 11], 2 ** 40))
  const got = unpack(pack(given))!
  expect(textsOf(got)).toEqual(['<1>a', '', 'b\nc\0'])
  expect(got.received).toBe(5)
  const [run] = got.runs
  expect({ ...run.origin, zone: run.origin.zone.name }).toEqual({ ...origin, zone: 'Europe/Paris' })
  expect(run.received).toBe(RECEIVED)
  expect({ ...run.stream, ends: [...run.stream!.ends] }).toEqual({ ...given.runs[0].stream, ends: [5, 6, 11] })
})

test('positions of any kind are decoded unchanged, also for a part of a run', () => {
  const steps = fc.array(fc.oneof(fc.constant(4), fc.nat(300), fc.nat(2 ** 33)), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(steps, fc.nat(2 ** 40), fc.nat(50), fc.nat(20), fc.nat(20), (given, from, gap, a, b) => {
      let end = 0
      const ends = given.map((step) => (end += step))
      const batch = withStream(
        batchOf(
          ends.map(() => 'abc'),
          origin,
          1,
        ),
        streamOf(ends, from, from + end + gap),
      )
      const first = Math.min(a, b, ends.length)
      const last = Math.min(Math.max(a, b), ends.length)
      const { stream } = unpack(pack(batch, first, last))!.runs[0]
      const begin = first === 0 ? 0 : ends[first - 1]
      expect(stream!.from).toBe(from + begin)
      const to = last === ends.length ? from + end + gap : last === 0 ? from : from + ends[last - 1]
      expect(stream!.to).toBe(to)
      expect([...stream!.ends].map((each) => each + begin)).toEqual(ends.slice(first, last))
    }),
  )
})

test('everything from one sender has one origin, whenever it was received', () => {
  const origins = new OriginReader()
  const seen = [RECEIVED, RECEIVED + 1, RECEIVED + 2].map((received) => {
    const [run] = unpack(pack(batchOf(['<1>a'], { ...origin }, received)), origins)!.runs
    expect(run.received).toBe(received)
    return run.origin
  })
  expect(new Set(seen).size).toBe(1)
})

test('an empty batch keeps its stream range', () => {
  const got = unpack(pack(withStream(batchOf([], origin, 1), streamOf([], 7, 99))))!
  expect(got.count).toBe(0)
  expect(got.runs[0].stream).toMatchObject({ from: 7, to: 99 })
})

test('defects found by framing are transmitted', () => {
  const batch = { ...batchOf(['a', 'b', 'c'], origin, 1), marks: Uint32Array.of(0, 64, 300) }
  expect([...unpack(pack(batch))!.marks!]).toEqual([0, 64, 300])
  expect(unpack(pack(batchOf(['a'], origin, 1)))!.marks).toBeUndefined()
})

test('positions of lines of a file take two bytes in all, not one per line', () => {
  const lines = Array.from({ length: 1000 }, (_, i) => 'x'.repeat((i * 7919) % 200))
  let end = 0
  const ends = lines.map((line) => (end += line.length + 1))
  const plain = pack(batchOf(lines, origin, 1)).length
  expect(pack(withStream(batchOf(lines, origin, 1), streamOf(ends))).length - plain).toBeLessThan(60)
})

/** Builds the data of a frame from any content. */
function forged(content: Buffer | string, messages: number, unpacked?: number, how = COUNTED): Buffer {
  const bytes = Buffer.from(content)
  const numbers: number[] = [BATCH_VERSION, how]
  for (let value of [unpacked ?? bytes.length, messages]) {
    for (; value > 127; value = Math.floor(value / 128)) numbers.push((value % 128) | 128)
    numbers.push(value)
  }
  return Buffer.concat([Buffer.from(numbers), zstdCompressor(1).compress(bytes)])
}

const zeros = Buffer.alloc(64)
const hostile: [what: string, data: Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['an unknown version', Buffer.concat([Buffer.from([1]), pack(batchOf(['a'], origin, 1)).subarray(1)])],
  ['only a version', Buffer.from([2])],
  ['an unknown encoding of messages', forged('1 a\0\0', 3, undefined, 2)],
  ['a number without an end', Buffer.from([2, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255])],
  ['data that is not zstd', Buffer.from([2, 0, 10, 1, 1, 2, 3, 4])],
  ['more uncompressed bytes than announced', forged(Buffer.alloc(1_000_000), 0, 100)],
  ['fewer uncompressed bytes than announced', forged(zeros, 0, 100)],
  ['more bytes announced than allowed', forged(zeros, 0, RELP_FRAME_BYTES_MAX + 1)],
  ['more bytes of messages than bytes of content', forged(zeros, 65)],
  ['a count that is not a number', forged('x a\0\0', 3)],
  ['a count without a space', forged('1\0\0', 1)],
  ['an empty count', forged(' a\0\0', 2)],
  ['a count that exceeds the content', forged('9 a\0\0', 3)],
  ['a count of a googol', forged(`${'9'.repeat(100)} a\0\0`, 102)],
  ['a message that is cut off', forged('5 a\0\0', 3)],
  ['a line without its end', forged('a\0\0', 1, undefined, AS_LINES)],
  ['lines without a run', forged('a\n\0\0', 2, undefined, AS_LINES)],
  ['messages without a run', forged('1 a\0\0', 3)],
  ['origins that exceed the content', forged('1 a\x7f\0', 3)],
  ['streams that exceed the content', forged('1 a\0\x7f', 3)],
  ['a run without an origin', forged('1 a\0\0\x01\0\0\0\0', 3)],
  ['a run with more messages than the batch has', forged('1 a\0\0\x09\0\0\0\0', 3)],
  ['a run that is cut off', forged('1 a\0\0\x01', 3)],
]

test.each(hostile)('%s is rejected', (_, data) => {
  expect(unpack(data)).toBeUndefined()
})

test('a batch with any byte changed or cut off is decoded or rejected, and never throws', () => {
  const good = pack(withStream(batchOf(['<1>a', '<2>bcd'], origin, 1), streamOf([5, 12])))
  for (let length = 0; length < good.length; length += 1) expect(unpack(good.subarray(0, length))).toBeUndefined()
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
      const bad = Buffer.from(good)
      bad[at] = value
      unpack(bad)
    }),
  )
})

test('any content is decoded or rejected, and never throws', () => {
  const run = Buffer.from('1 a\0\0\x01\0\0\0\0', 'latin1')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void unpack(forged(Buffer.concat([run, bytes]), 3))),
  )
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(60),
      (bytes, at) => void unpack(forged(Buffer.from(bytes), at)),
    ),
  )
})
