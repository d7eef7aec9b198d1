// The messages of a small commit are stored as they came. Converted to columns later, they are the same as if they had been
// stored in columns at once.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addBatch } from '../../collector/archive/batch-rows.ts'
import { BlockBuilder, type EncodedBlock } from '../../collector/archive/block-builder.ts'
import { DecodedBlock, type BlockBlobs } from '../../collector/archive/decoded-block.ts'
import type { FreshWrite } from '../../collector/archive/encode-writes.ts'
import { encodeRawBlock, inColumns, isRaw, rawBlockOf } from '../../collector/archive/raw-block.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const RECEIVED = Date.UTC(2026, 10, 23, 10) * 1000
const HEADS = [
  ...['', '<34>', '<34>1 2003-10-11T22:14:15.003Z ', '<34>1 2003-10-11T22:14:15Z h app a1 ID47 [x@1 a="b"] '],
  ...['<34>Oct 11 22:14:15 ', '<1>Oct 11 22:14:15 h a[1]', '<13>Nov 23 11:30:00 h a: ahead of its receipt '],
]
const ORIGINS: Partial<Origin>[] = [
  ...[{}, { hostForced: true, host: Buffer.from('forced') }, { lines: 'text', program: Buffer.from('app') } as const],
  { peer: '2001:db8::1', source: 'relayed' },
]
const FIRST = [undefined, RECEIVED - 7_200_000_000, RECEIVED + 7_200_000_000]

function storedRaw(writes: readonly FreshWrite[]) {
  const { block, defects } = rawBlockOf(writes)
  return { stored: block && encodeRawBlock(block), defects }
}

/** The columns and defects of the same writes if they are encoded in columns directly. */
function columns(writes: readonly FreshWrite[]) {
  const builder = new BlockBuilder()
  const defects = new Map<number, Uint32Array>()
  for (const { id, batch, fresh } of writes) {
    const isStored = fresh ? fresh.includes(1) : batch.count > 0
    const found = addBatch(batch, fresh, isStored ? builder : new BlockBuilder(), () => expect.unreachable())
    if (found) defects.set(id, found)
  }
  return { block: builder.count > 0 ? builder.finish() : undefined, defects }
}

function summaryOf(block: EncodedBlock) {
  const { count, rawBytes, timeMin, timeMax, receivedMin, receivedMax, severities, facilities } = block
  return { count, rawBytes, timeMin, timeMax, receivedMin, receivedMax, severities, facilities }
}

const message = fc
  .tuple(fc.constantFrom(...HEADS), fc.uint8Array({ maxLength: 60 }))
  .map(([text, rest]) => Buffer.concat([Buffer.from(text), rest]))
const batch: fc.Arbitrary<Batch> = fc
  .tuple(
    fc.array(message, { maxLength: 20 }),
    fc.constantFrom(...ORIGINS),
    fc.nat(1_000_000),
    fc.constantFrom(...FIRST),
  )
  .map(([messages, origin, later, first]) => batchOf(messages, originOf(origin), RECEIVED + later, first))
const freshOf = ({ count }: Batch) =>
  fc.option(
    fc.uint8Array({ minLength: count, maxLength: count }).map((bytes) => bytes.map((byte) => byte & 1)),
    { nil: undefined },
  )
const writes = fc
  .array(
    batch.chain((batch) => fc.tuple(fc.constant(batch), freshOf(batch))),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) => all.map(([batch, fresh], i): FreshWrite => ({ id: i + 1, batch, fresh })))

test('raw block: columns, summary and defects of any messages are the same as if they were encoded in columns directly', () => {
  fc.assert(
    fc.property(writes, (writes) => {
      const { stored, defects } = storedRaw(writes)
      const expected = columns(writes)
      expect(defects).toEqual(expected.defects)
      expect(stored === undefined).toBe(expected.block === undefined)
      if (!stored || !expected.block) return
      expect(isRaw(stored)).toBe(true)
      expect(isRaw(expected.block)).toBe(false)
      expect(inColumns(stored.count, stored)).toEqual(expected.block)
      expect(summaryOf(stored)).toEqual(summaryOf(expected.block))
    }),
  )
})

test('raw block: more than 32 KiB of messages are compressed, and come back unchanged', () => {
  const messages = Array.from({ length: 1000 }, (_, i) => `<34>Oct 11 22:14:15 web-1 app[${i}]: request ${i}`)
  const { stored } = storedRaw([{ id: 1, batch: batchOf(messages, originOf(), RECEIVED), fresh: undefined }])
  const { fields, texts, rawBytes, count } = stored!
  expect(rawBytes).toBeGreaterThan(32 * 1024)
  expect(fields.length + texts.length).toBeLessThan(rawBytes / 2)
  const block = new DecodedBlock(0, count, inColumns(count, stored!))
  expect(messages.map((_, i) => block.raw(i).toString())).toEqual(messages)
})

test('raw block: reading a damaged one throws a RangeError or an error of zstd, or ends without an error', () => {
  const messages = Array.from({ length: 5 }, (_, i) => `<34>1 2003-10-11T22:14:15.003Z h app ${i} - - text ${i}`)
  const { stored } = storedRaw([{ id: 1, batch: batchOf(messages, originOf(), RECEIVED), fresh: undefined }])
  const { hosts, programs, fields, texts } = stored!
  const damaged = (blob: Buffer, at: number, value: number) => {
    const copy = Buffer.from(blob)
    copy[at] = value
    return copy
  }
  const read = (blobs: BlockBlobs) => {
    try {
      const block = new DecodedBlock(0, 5, inColumns(5, blobs))
      for (let i = 0; i < 5; i += 1) block.raw(i)
    } catch (error) {
      expect(String(error)).toMatch(/^RangeError|zst/i)
    }
  }
  for (const value of [0, 1, 0x7f, 0xff]) {
    for (let at = 0; at < fields.length; at += 1) read({ hosts, programs, texts, fields: damaged(fields, at, value) })
    for (let at = 0; at < texts.length; at += 1) read({ hosts, programs, fields, texts: damaged(texts, at, value) })
  }
  read({ hosts, programs, fields: fields.subarray(0, -1), texts })
  read({ hosts, programs, fields, texts: texts.subarray(0, -1) })
})
