// The block of a small commit: messages as they came, together with the header table that the parser made of them.
//
//   fields   lengths │ rows │ times │ zones │ runs        rows: cells of `header-table.ts`; each end of a range is stored as the
//   texts    the messages, concatenated                   distance from the one before it
//
// Columns pay off over thousands of messages. Encoding a hundred took four times as long per message as in a large block,
// while their sender waited, and they were encoded again when they were merged. So a small commit stores no columns and no
// n-grams, only the input of a merge. A search that reads the block before it is merged builds the columns in memory.

import { assert } from '../../common/fault.ts'
import { ARCHIVE_PLAIN_BYTES } from '../../common/limits.ts'
import { parseHeaders } from '../../common/message/parse.ts'
import { batchBytes } from '../../common/pipeline/batch.ts'
import {
  copyRow,
  defectMasks,
  FIRST_RANGE,
  giveBackHeaderTable,
  MESSAGE,
  newHeaderTable,
  PRIORITY,
  ROW,
  takeHeaderTable,
  type HeaderTable,
} from '../../common/pipeline/header-table.ts'
import { addMessages, forceHosts, defaultsOf, type RunDefaults } from './batch-rows.ts'
import { BlockBuilder, effectiveTime, type EncodedBlock } from './block-builder.ts'
import { viewOf } from './byte-ranges.ts'
import { ByteReader, ByteWriter } from './byte-writer.ts'
import type { BlockBlobs } from './decoded-block.ts'
import type { FreshWrite } from './encode-writes.ts'
import { pack, Pack } from './pack.ts'

/** Consecutive messages from one origin. */
interface RawRun {
  readonly count: number
  readonly defaults: RunDefaults
}

export interface RawBlock {
  readonly bytes: Uint8Array
  /** Message i is `[bounds[2i], bounds[2i + 1])` of `bytes`. */
  readonly bounds: Uint32Array
  readonly count: number
  /** Its ranges are offsets into `bytes`. The table is not pooled. */
  readonly table: HeaderTable
  readonly runs: readonly RawRun[]
}

const NOTHING = Buffer.alloc(0)

/**
 * Parses the writes and copies those of their messages that are fresh into a block; undefined if none is left. `defects` has, by
 * write id, one bit mask per message for each write that has defects.
 */
export function rawBlockOf(writes: readonly FreshWrite[]): {
  readonly block: RawBlock | undefined
  readonly defects: ReadonlyMap<number, Uint32Array>
} {
  const rows = writes.reduce((sum, { batch }) => sum + batch.count, 0)
  const bytes = Buffer.allocUnsafeSlow(writes.reduce((sum, { batch }) => sum + batchBytes(batch), 0))
  const bounds = new Uint32Array(2 * rows)
  const table = newHeaderTable(rows)
  const runs: RawRun[] = []
  const defects = new Map<number, Uint32Array>()
  let count = 0
  let length = 0
  for (const { id, batch, fresh } of writes) {
    const parsed = takeHeaderTable(batch.count)
    parseHeaders(batch, parsed)
    const found = defectMasks(parsed)
    if (found) defects.set(id, found)
    let i = 0
    for (const run of batch.runs) {
      const end = i + run.count
      if (run.origin.hostForced === true) forceHosts(parsed, i, end)
      const before = count
      for (; i < end; i += 1) {
        if (fresh && fresh[i] === 0) continue
        const start = batch.bounds[2 * i]
        bounds[2 * count] = length
        copyRow(parsed, i, table, count, length - start)
        length += batch.slab.bytes.copy(bytes, length, start, batch.bounds[2 * i + 1])
        bounds[2 * count + 1] = length
        count += 1
      }
      if (count > before) runs.push({ count: count - before, defaults: defaultsOf(run, batch.received) })
    }
    giveBackHeaderTable(parsed)
  }
  table.count = count
  return { block: count > 0 ? { bytes: bytes.subarray(0, length), bounds, count, table, runs } : undefined, defects }
}

const neverFull = () => assert(false, 'what is added is less than a block')

/** Adds all messages of the block, as `addBatch` would have added them from their batches. */
export function addRawBlock({ bytes, bounds, table, runs }: RawBlock, builder: BlockBuilder): void {
  const messages = { view: viewOf(bytes), bounds, table }
  let first = 0
  for (const { count, defaults } of runs) {
    addMessages(messages, first, first + count, defaults, undefined, builder, neverFull)
    first += count
  }
}

const lengths = new ByteWriter()
const rows = new ByteWriter()
const origins = new ByteWriter()

/** Encodes the block for storage. Its dictionaries and its index are empty, so a search cannot rule it out by them. */
export function encodeRawBlock({ bytes, bounds, count, table, runs }: RawBlock): EncodedBlock {
  for (const writer of [lengths, rows, origins]) writer.clear()
  for (let i = 0; i < count; i += 1) {
    lengths.varint(bounds[2 * i + 1] - bounds[2 * i])
    const row = i * ROW
    for (let cell = 0; cell < FIRST_RANGE; cell += 1) rows.varint(table.cells[row + cell] >>> 0)
    let before = bounds[2 * i]
    for (let cell = FIRST_RANGE; cell < ROW; cell += 1) {
      const at = table.cells[row + cell]
      rows.zigzag(at - before)
      before = at
    }
  }
  for (const { count, defaults } of runs) {
    origins.varint(count)
    origins.zigzag(defaults.received)
    for (const text of [defaults.entry, defaults.host, defaults.program]) {
      origins.varint(text.byteLength)
      origins.copy(text, 0, text.byteLength)
    }
  }
  const plain = bytes.length < ARCHIVE_PLAIN_BYTES
  const [times, zones] = [table.times.subarray(0, count), table.zones.subarray(0, count)].map(bytesOf)
  return {
    ...{ count, rawBytes: bytes.length, hosts: NOTHING, programs: NOTHING, grams: NOTHING, ...summaryOf(table, runs) },
    ...{ fields: pack([lengths.written, rows.written, times, zones, origins.written], plain) },
    texts: pack([bytes], plain),
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array | Int16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

function summaryOf({ cells, times }: HeaderTable, runs: readonly RawRun[]) {
  let [timeMin, timeMax, receivedMin, receivedMax] = [Infinity, -Infinity, Infinity, -Infinity]
  let severities = 0
  let facilities = 0
  let i = 0
  for (const { count, defaults } of runs) {
    const { received } = defaults
    if (received < receivedMin) receivedMin = received
    if (received > receivedMax) receivedMax = received
    for (const end = i + count; i < end; i += 1) {
      const time = effectiveTime(times[i], received)
      if (time < timeMin) timeMin = time
      if (time > timeMax) timeMax = time
      const priority = cells[i * ROW + PRIORITY]
      severities |= 1 << (priority & 7)
      facilities |= 1 << (priority >> 3)
    }
  }
  return { timeMin, timeMax, receivedMin, receivedMax, severities, facilities }
}

/** Whether a stored block is a raw one: its dictionary of hosts is empty. */
export function isRaw({ hosts }: Pick<BlockBlobs, 'hosts'>): boolean {
  return hosts.length === 0
}

/** Decodes a stored block. Throws a RangeError, or zstd's error, if it is damaged. */
export function readRawBlock(count: number, { fields, texts }: BlockBlobs): RawBlock {
  const stored = new Pack(fields)
  const bytes = new Pack(texts).stream(0)
  const bounds = new Uint32Array(2 * count)
  const cells = new Int32Array(ROW * count)
  const [lengths, rows] = [new ByteReader(stored.stream(0)), new ByteReader(stored.stream(1))]
  let length = 0
  for (let i = 0; i < count; i += 1) {
    const row = i * ROW
    for (let cell = 0; cell < FIRST_RANGE; cell += 1) cells[row + cell] = rows.varint()
    let at = length
    for (let cell = FIRST_RANGE; cell < ROW; cell += 1) cells[row + cell] = at += rows.zigzag()
    bounds[2 * i] = length
    bounds[2 * i + 1] = length += lengths.varint()
    if (!areWithin(cells, row, bounds[2 * i], length)) throw new RangeError('a field is outside of its message')
  }
  if (length !== bytes.length) throw new RangeError('messages are shorter or longer than their lengths')
  const table: HeaderTable = {
    ...{ count, cells },
    times: new Float64Array(aligned(stored.stream(2), 8 * count)),
    zones: new Int16Array(aligned(stored.stream(3), 2 * count)),
  }
  const runs: RawRun[] = []
  const origins = new ByteReader(stored.stream(4))
  const text = () => viewOf(origins.take(origins.varint()))
  for (let left = count; left > 0; left -= runs.at(-1)!.count) {
    const run = origins.varint()
    if (!(run > 0 && run <= left)) throw new RangeError('runs have other messages than there are')
    runs.push({ count: run, defaults: { received: origins.zigzag(), entry: text(), host: text(), program: text() } })
  }
  return { bytes, bounds, count, table, runs }
}

/** Whether all ranges of a row lie within `[start, end)`. Empty ranges stand for absent fields and are not checked, except the message's. */
function areWithin(cells: Int32Array, row: number, start: number, end: number): boolean {
  for (let cell = row + FIRST_RANGE; cell < row + ROW; cell += 2) {
    const [from, to] = [cells[cell], cells[cell + 1]]
    if (from !== to && !(start <= from && from < to && to <= end)) return false
  }
  return start <= cells[row + MESSAGE] && cells[row + MESSAGE] <= end
}

/** A copy in a buffer of its own, as a typed array needs its bytes aligned. Throws a RangeError if it is not `length` bytes. */
function aligned(bytes: Uint8Array, length: number): ArrayBuffer {
  if (bytes.length !== length) throw new RangeError('a column has another length than its messages')
  return Uint8Array.from(bytes).buffer
}

/** Converts a stored raw block to columns. Throws as `readRawBlock` does. */
export function inColumns(count: number, blobs: BlockBlobs): BlockBlobs {
  const builder = new BlockBuilder()
  addRawBlock(readRawBlock(count, blobs), builder)
  return builder.finish()
}
