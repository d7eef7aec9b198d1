// Messages as they came, with what was found in their headers: the block of a small commit.
//
//   fields   lengths │ cells │ times │ zones │ runs        `header-table.ts`, its ranges counted from the first message's start
//   texts    the messages, one behind another
//
// Columns pay for themselves over thousands of messages. A hundred of them took four times as long each as in a large block,
// while their sender waited, and were made into columns again when they were merged. So a small commit stores neither columns
// nor n-grams, only what a merge begins with; who reads it before that makes the columns then.

import { ARCHIVE_PLAIN_BYTES } from '../../common/limits.ts'
import { parseHeaders } from '../../common/message/parse.ts'
import { batchBytes } from '../../common/pipeline/batch.ts'
import {
  defectMasks,
  giveBackHeaderTable,
  PRIORITY,
  ROW,
  TIME,
  takeHeaderTable,
  type HeaderTable,
} from '../../common/pipeline/header-table.ts'
import { addMessages, forceHosts, standInsOf, type StandIns } from './batch-rows.ts'
import { BlockBuilder, effectiveTime, neverFull, type EncodedBlock } from './block-builder.ts'
import { viewOf } from './byte-ranges.ts'
import { ByteReader, ByteWriter } from './byte-writer.ts'
import type { BlockBlobs } from './decoded-block.ts'
import type { FreshWrite } from './encode-writes.ts'
import { pack, Pack } from './pack.ts'

/** Consecutive messages of one origin. */
interface RawRun {
  readonly count: number
  readonly standIns: StandIns
}

export interface RawBlock {
  readonly bytes: Uint8Array
  /** Message i is `[bounds[2i], bounds[2i + 1])` of the bytes. */
  readonly bounds: Uint32Array
  readonly count: number
  /** Its ranges point into the bytes. Not pooled. */
  readonly table: HeaderTable
  readonly runs: readonly RawRun[]
}

const NOTHING = Buffer.alloc(0)

/**
 * The messages of writes that are not stored yet, in memory of their own (undefined where there are none), and by id the defects
 * of writes that have any.
 */
export function rawBlockOf(writes: readonly FreshWrite[]): {
  readonly block: RawBlock | undefined
  readonly defects: ReadonlyMap<number, Uint32Array>
} {
  const rows = writes.reduce((sum, { batch }) => sum + batch.count, 0)
  const bytes = Buffer.allocUnsafeSlow(writes.reduce((sum, { batch }) => sum + batchBytes(batch), 0))
  const bounds = new Uint32Array(2 * rows)
  const table = ownTable(rows)
  const runs: RawRun[] = []
  const defects = new Map<number, Uint32Array>()
  let count = 0
  let length = 0
  for (const { id, batch, skipped } of writes) {
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
        if (skipped && skipped[i] !== 0) continue
        const start = batch.bounds[2 * i]
        bounds[2 * count] = length
        copyMoved(parsed, i, table, count, length - start)
        length += batch.slab.bytes.copy(bytes, length, start, batch.bounds[2 * i + 1])
        bounds[2 * count + 1] = length
        count += 1
      }
      if (count > before) runs.push({ count: count - before, standIns: standInsOf(run.origin, batch.received) })
    }
    giveBackHeaderTable(parsed)
  }
  table.count = count
  return { block: count > 0 ? { bytes: bytes.subarray(0, length), bounds, count, table, runs } : undefined, defects }
}

function ownTable(count: number): HeaderTable {
  const cells = new Int32Array(count * ROW)
  return { count, cells, times: new Float64Array(count), zones: new Int16Array(count) }
}

/** Copies a row whose bytes are `shift` further in their new place. */
function copyMoved(from: HeaderTable, i: number, to: HeaderTable, at: number, shift: number): void {
  const [source, target] = [i * ROW, at * ROW]
  for (let cell = 0; cell < TIME; cell += 1) to.cells[target + cell] = from.cells[source + cell]
  for (let cell = TIME; cell < ROW; cell += 1) to.cells[target + cell] = from.cells[source + cell] + shift
  to.times[at] = from.times[i]
  to.zones[at] = from.zones[i]
}

/** Adds all its messages, as if their batches were added. */
export function addRawBlock({ bytes, bounds, table, runs }: RawBlock, builder: BlockBuilder): void {
  const messages = { view: viewOf(bytes), bounds, table }
  let first = 0
  for (const { count, standIns } of runs) {
    addMessages(messages, first, first + count, standIns, undefined, builder, neverFull)
    first += count
  }
}

const lengths = new ByteWriter()
const origins = new ByteWriter()

/** As it is stored: without names and n-grams, which rule nothing out. */
export function encodeRawBlock({ bytes, bounds, count, table, runs }: RawBlock): EncodedBlock {
  lengths.clear()
  for (let i = 0; i < 2 * count; i += 2) lengths.varint(bounds[i + 1] - bounds[i])
  origins.clear()
  for (const { count, standIns } of runs) {
    origins.varint(count)
    origins.zigzag(standIns.received)
    for (const text of [standIns.entry, standIns.host, standIns.program]) {
      origins.varint(text.byteLength)
      origins.copy(text, 0, text.byteLength)
    }
  }
  const plain = bytes.length < ARCHIVE_PLAIN_BYTES
  const columns = [table.cells.subarray(0, count * ROW), table.times.subarray(0, count), table.zones.subarray(0, count)]
  const fields = [lengths.written, ...columns.map(bytesOf), origins.written]
  return {
    ...{ count, rawBytes: bytes.length, hosts: NOTHING, programs: NOTHING, grams: NOTHING, ...summaryOf(table, runs) },
    ...{ fields: pack(fields, plain), texts: pack([bytes], plain) },
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Float64Array | Int16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

function summaryOf({ cells, times }: HeaderTable, runs: readonly RawRun[]) {
  let [timeMin, timeMax, receivedMin, receivedMax] = [Infinity, -Infinity, Infinity, -Infinity]
  let severities = 0
  let facilities = 0
  let i = 0
  for (const { count, standIns } of runs) {
    const { received } = standIns
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

/** Whether a stored block is one of these: its names are in no dictionary. */
export function isRaw({ hosts }: Pick<BlockBlobs, 'hosts'>): boolean {
  return hosts.length === 0
}

/** Reads what was stored. Throws a RangeError, or zstd's error, where it is damaged. */
export function readRawBlock(count: number, { fields, texts }: BlockBlobs): RawBlock {
  const stored = new Pack(fields)
  const bytes = new Pack(texts).stream(0)
  const bounds = new Uint32Array(2 * count)
  const lengths = new ByteReader(stored.stream(0))
  let length = 0
  for (let i = 0; i < count; i += 1) {
    bounds[2 * i] = length
    bounds[2 * i + 1] = length += lengths.varint()
  }
  if (length !== bytes.length) throw new RangeError('messages are shorter or longer than their lengths')
  const table: HeaderTable = {
    count,
    cells: new Int32Array(aligned(stored.stream(1), 4 * ROW * count)),
    times: new Float64Array(aligned(stored.stream(2), 8 * count)),
    zones: new Int16Array(aligned(stored.stream(3), 2 * count)),
  }
  const runs: RawRun[] = []
  const origins = new ByteReader(stored.stream(4))
  const text = () => viewOf(origins.take(origins.varint()))
  for (let left = count; left > 0; left -= runs.at(-1)!.count) {
    const run = origins.varint()
    if (!(run > 0 && run <= left)) throw new RangeError('runs have other messages than there are')
    runs.push({ count: run, standIns: { received: origins.zigzag(), entry: text(), host: text(), program: text() } })
  }
  return { bytes, bounds, count, table, runs }
}

/** A copy in a buffer of its own. */
function aligned(bytes: Uint8Array, length: number): ArrayBuffer {
  if (bytes.length !== length) throw new RangeError('a column has another length than its messages')
  return Uint8Array.from(bytes).buffer
}

/** The same block in columns. Throws as `readRawBlock`. */
export function inColumns(count: number, blobs: BlockBlobs): BlockBlobs {
  const builder = new BlockBuilder()
  addRawBlock(readRawBlock(count, blobs), builder)
  return builder.finish()
}
