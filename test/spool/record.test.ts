// Records: a batch is decoded as it was encoded, and nothing else reaches the disk.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { zoneNamed } from '../../common/message/zone.ts'
import { selectMessages, type Batch, type Origin, type Run } from '../../common/pipeline/batch.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { GroupBuffer } from '../../common/spool/group-buffer.ts'
import { ADVANCE, RETIRE, type MarkChange } from '../../common/spool/live-marks.ts'
import { OriginReader } from '../../common/pipeline/origin-bytes.ts'
import { DAMAGED, recordLength, saltOf } from '../../common/spool/record-layout.ts'
import { readBatch, recordChanges, recordFacts } from '../../common/spool/record-reader.ts'
import { writeRecord } from '../../common/spool/record-writer.ts'
import { originOf } from '../fake/batch.ts'
import { textsOf } from '../fake/sink.ts'

const STREAM = '0123456789abcdef0123456789abcdef'
const SALT = saltOf(STREAM)

const zones = ['UTC', 'local', 'Europe/Paris', '+05:30'].map((name) => zoneNamed(name)!)

const anyOrigin: fc.Arbitrary<Origin> = fc.record({
  source: fc.string({ minLength: 1, maxLength: 64 }),
  lines: fc.constantFrom('syslog' as const, 'text' as const, 'local' as const),
  zone: fc.constantFrom(...zones),
  host: fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
  program: fc.uint8Array({ maxLength: 48 }).map((bytes) => Buffer.from(bytes)),
  priority: fc.integer({ min: 0, max: 191 }),
})
const optional: fc.Arbitrary<Partial<Origin>> = fc.record(
  { peer: fc.ipV6(), hostForced: fc.constant(true) },
  { requiredKeys: [] },
)

const anyPlan = fc.record({
  messages: fc.array(fc.record({ bytes: fc.uint8Array({ maxLength: 200 }), gap: fc.integer({ min: 0, max: 30 }) })),
  origins: fc.array(
    fc.tuple(anyOrigin, optional).map(([origin, more]) => ({ ...origin, ...more })),
    { minLength: 1 },
  ),
  cuts: fc.array(fc.tuple(fc.nat(20), fc.option(fc.integer({ min: 0, max: 4e15 })))),
  received: fc.integer({ min: 0, max: 4e15 }),
  defects: fc.option(fc.nat()),
})
type Plan = typeof anyPlan extends fc.Arbitrary<infer T> ? T : never

function planned({ messages, origins, cuts, received, defects }: Plan): Batch {
  const slab = new SlabPool().take()!
  slab.bytes.fill(0x23)
  const bounds = new Uint32Array(2 * messages.length)
  let at = 0
  messages.forEach(({ bytes, gap }, i) => {
    at += gap
    slab.bytes.set(bytes, at)
    bounds.set([at, at + bytes.length], 2 * i)
    at += bytes.length
  })
  const runs: Run[] = []
  let left = messages.length
  for (const [i, [cut, first]] of cuts.entries()) {
    const count = Math.min(left, cut)
    runs.push({ count, origin: origins[i % origins.length], ...(first !== null && { received: first }) })
    left -= count
  }
  if (left > 0) runs.push({ count: left, origin: origins[0] })
  const marks = defects === null ? undefined : Uint32Array.from(messages, (_, i) => (defects + i) >>> 0)
  return { slab, bounds, count: messages.length, received, runs, ...(marks && { marks }) }
}

/** Zones are compared by name, since decoding creates another object. */
const comparable = ({ received, origin: { zone, ...origin } }: Run) => ({ ...origin, received, zone: zone.name })

const anyChange: fc.Arbitrary<MarkChange> = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  kind: fc.integer({ min: ADVANCE, max: RETIRE }),
  position: fc.maxSafeNat(),
  day: fc.nat(100_000),
})

/** A slab with an encoded record at some offset. */
function written(batch: Batch, changes: readonly MarkChange[], position: number) {
  const buffer = new GroupBuffer()
  writeRecord(batch, changes, position, SALT, buffer)
  const slab = new SlabPool().take(buffer.length + 7)!
  slab.bytes.set(buffer.bytes.subarray(0, buffer.length), 7)
  return { slab, length: buffer.length, at: 7 }
}

test('record: every batch is decoded as it was encoded, as part of the stream of the spool', () => {
  fc.assert(
    fc.property(anyPlan, fc.array(anyChange), fc.nat(2 ** 40), (plan, changes, position) => {
      const batch = planned(plan)
      const { slab, at, length } = written(batch, changes, position)
      expect(recordLength(slab.bytes, at, at + length, SALT)).toBe(length)
      expect(recordFacts(slab.bytes, at)).toMatchObject({ position, count: batch.count, received: batch.received })
      expect(recordChanges(slab.bytes, at)).toEqual(changes)
      const out = readBatch(slab, at, STREAM, new OriginReader())
      expect(textsOf(out)).toEqual(textsOf(batch))
      expect(out.marks && [...out.marks]).toEqual(batch.marks && [...batch.marks])
      const runs = batch.runs.filter(({ count }) => count > 0)
      expect(out.runs.map(({ count }) => count)).toEqual(runs.map(({ count }) => count))
      expect(out.runs.map(comparable)).toEqual(runs.map(comparable))
      let next = position
      for (const { count, stream } of out.runs) {
        expect(stream).toMatchObject({ id: STREAM, from: next, to: next + count })
        expect([...stream!.ends]).toEqual(Array.from({ length: count }, (_, i) => i + 1))
        next += count
      }
    }),
  )
})

test('record: equal origins are decoded to one object, also across records', () => {
  const origins = new OriginReader()
  const read = () => {
    const batch = textBatch(['a', 'b'])
    const { slab, at } = written(batch, [], 0)
    return readBatch(slab, at, STREAM, origins).runs[0].origin
  }
  expect(read()).toBe(read())
})

test('record: a change of any single bit is detected', () => {
  const { slab, at, length } = written(textBatch(['first', 'second']), [], 5)
  for (let bit = 0; bit < 8 * length; bit += 1) {
    slab.bytes[at + (bit >> 3)] ^= 1 << (bit & 7)
    expect(recordLength(slab.bytes, at, at + length, SALT)).not.toBe(length)
    slab.bytes[at + (bit >> 3)] ^= 1 << (bit & 7)
  }
})

test('record: a truncated record asks for the bytes that it needs, and never for more', () => {
  const { slab, at, length } = written(textBatch(['first', 'second']), [], 5)
  for (let end = at; end < at + length; end += 1) {
    const answer = recordLength(slab.bytes, at, end, SALT)
    expect(answer).toBeLessThan(DAMAGED)
    expect(-answer).toBeLessThanOrEqual(length)
  }
})

test('record: a record that a sender forged inside a message is not accepted', () => {
  const forged = new GroupBuffer()
  writeRecord(textBatch(['forged']), [], 0, saltOf('f'.repeat(32)), forged)
  expect(recordLength(forged.bytes, 0, forged.length, SALT)).toBe(DAMAGED)
})

test('record: an unselected message between two selected ones does not reach the disk', () => {
  const batch = textBatch(['keep this', 'pw:1234', 'and this'])
  const part = selectMessages(batch, Uint8Array.of(1, 0, 1))
  const { slab, at, length } = written(part, [], 0)
  expect(slab.bytes.subarray(at, at + length).includes('1234')).toBe(false)
  expect(textsOf(readBatch(slab, at, STREAM, new OriginReader()))).toEqual(['keep this', 'and this'])
})

function textBatch(texts: readonly string[]): Batch {
  const slab = new SlabPool().take()!
  const bounds = new Uint32Array(2 * texts.length)
  let at = 0
  texts.forEach((text, i) => {
    bounds.set([at, at + text.length], 2 * i)
    at += slab.bytes.write(`${text}\n`, at)
  })
  return { slab, bounds, count: texts.length, received: 1, runs: [{ count: texts.length, origin: originOf() }] }
}
