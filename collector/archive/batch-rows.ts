// Adds the messages of a batch to a block that is being built: parses each header, and passes each field to its column.

import { parseHeaders } from '../../common/message/parse.ts'
import type { Batch, Origin, Run } from '../../common/pipeline/batch.ts'
import {
  DEFECTS_SHIFT,
  defectMasks,
  FORMAT_MASK,
  FORMAT_RAW,
  giveBackHeaderTable,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
  takeHeaderTable,
  type HeaderTable,
} from '../../common/pipeline/header-table.ts'
import { effectiveTime, type BlockBuilder, type Row } from './block-builder.ts'
import { viewOf } from './byte-ranges.ts'
import { NO_PID, PID_IS_TEXT } from './columns.ts'

const ZERO = 0x30
const PID_DIGITS_MAX = 9

const row: Row = {
  ...{ time: NaN, received: 0, priority: 0, sender: 0, msgid: 0, origin: 0, shape: 0, unit: 0 },
  ...{ pid: NO_PID, defects: 0, rawBytes: 0 },
}

/** The fields that a run provides for its messages. */
export interface RunDefaults {
  /**
   * µs since the epoch: when the first sluice received them. If that is over an hour ahead, its clock is wrong, and the time of receipt
   * here is used: otherwise they would be of a day long after that of their part, in which no search looks for them.
   */
  readonly received: number
  /** The origin's entry in the block's dictionary of origins: source, NUL, peer. */
  readonly entry: DataView
  /** Host for messages whose header names none; program for messages without a header. */
  readonly host: DataView
  readonly program: DataView
}

export function defaultsOf({ origin, received = NaN }: Run, batchReceived: number): RunDefaults {
  const { entry, host, program } = fieldsOf(origin)
  return { received: effectiveTime(received, batchReceived), entry, host, program }
}

type OriginFields = Omit<RunDefaults, 'received'>
const known = new WeakMap<Origin, OriginFields>()

function fieldsOf(origin: Origin): OriginFields {
  let fields = known.get(origin)
  if (!fields) {
    const { source, peer, host, program } = origin
    const entry = viewOf(Buffer.from(`${source}\0${peer ?? ''}`))
    fields = { entry, host: viewOf(host), program: viewOf(program) }
    known.set(origin, fields)
  }
  return fields
}

/**
 * Empties the host of the messages `[first, end)`, whose configured host replaces the one in their header. The header's own host then
 * counts as part of the header's layout, so that the raw bytes still have it.
 */
export function forceHosts({ cells }: HeaderTable, first: number, end: number): void {
  for (let i = first; i < end; i += 1) cells[i * ROW + HOST + 1] = cells[i * ROW + HOST]
}

/** Message i is `[bounds[2i], bounds[2i + 1])` of `view`; `table` has the ranges of its header fields. */
interface Messages {
  readonly view: DataView
  readonly bounds: Uint32Array
  readonly table: HeaderTable
}

/**
 * Adds the messages with `fresh[i] === 1` (all if `fresh` is undefined). Whenever the builder is full, `full` is called, which
 * has to empty it. Returns one bit mask of defects per message of the batch; undefined if no message has any.
 */
export function addBatch(
  batch: Batch,
  fresh: Uint8Array | undefined,
  builder: BlockBuilder,
  full: () => void,
): Uint32Array | undefined {
  const table = takeHeaderTable(batch.count)
  parseHeaders(batch, table)
  const messages = { view: batch.slab.view, bounds: batch.bounds, table }
  let first = 0
  for (const run of batch.runs) {
    const end = first + run.count
    if (run.origin.hostForced === true) forceHosts(table, first, end)
    addMessages(messages, first, end, defaultsOf(run, batch.received), fresh, builder, full)
    first = end
  }
  const defects = defectMasks(table)
  giveBackHeaderTable(table)
  return defects
}

/** Adds the messages `[first, end)`, which have one origin, as `addBatch` does. */
export function addMessages(
  messages: Messages,
  first: number,
  end: number,
  { received, entry, host, program }: RunDefaults,
  fresh: Uint8Array | undefined,
  builder: BlockBuilder,
  full: () => void,
): void {
  row.received = received
  row.origin = builder.origins.idOf(entry, 0, entry.byteLength)
  for (let i = first; i < end; i += 1) {
    if (fresh && fresh[i] === 0) continue
    addMessage(messages, i, host, program, builder)
    if (!builder.isFull) continue
    full()
    row.origin = builder.origins.idOf(entry, 0, entry.byteLength)
  }
}

function addMessage(
  { view, bounds, table }: Messages,
  i: number,
  originHost: DataView,
  originProgram: DataView,
  builder: BlockBuilder,
): void {
  const { cells } = table
  const at = i * ROW
  const start = bounds[2 * i]
  const end = bounds[2 * i + 1]
  const host = cells[at + HOST]
  const hostEnd = cells[at + HOST + 1]
  const program = cells[at + PROGRAM]
  const programEnd = cells[at + PROGRAM + 1]
  const kind = cells[at + KIND]
  const message = cells[at + MESSAGE]
  const { shapeFinder } = builder
  row.shape = shapeFinder.numberIn(builder.shapes, view, table, i, start)
  row.unit = shapeFinder.unit
  row.time = table.times[i]
  row.priority = cells[at + PRIORITY]
  const hostIsOrigins = hostEnd === host
  const programIsOrigins = programEnd === program && (kind & FORMAT_MASK) === FORMAT_RAW
  row.sender = builder.senders.find(
    hostIsOrigins ? originHost : view,
    hostIsOrigins ? 0 : host,
    hostIsOrigins ? originHost.byteLength : hostEnd,
    programIsOrigins ? originProgram : view,
    programIsOrigins ? 0 : program,
    programIsOrigins ? originProgram.byteLength : programEnd,
  )
  row.msgid = builder.msgids.idOf(view, cells[at + MSGID], cells[at + MSGID + 1])
  row.pid = pidNumber(view, cells[at + PID], cells[at + PID + 1])
  row.defects = kind >>> DEFECTS_SHIFT
  row.rawBytes = end - start
  builder.row(row)
  if (row.pid === PID_IS_TEXT) builder.pidText(view, cells[at + PID], cells[at + PID + 1])
  builder.message(row, view, message, end)
  builder.structuredData(view, cells[at + STRUCTURED_DATA], cells[at + STRUCTURED_DATA + 1])
  if (shapeFinder.kept) builder.keptHeader(view, start, message)
}

/** The pid as a number if it is decimal without leading zeros, else `PID_IS_TEXT`; `NO_PID` if it is empty. */
function pidNumber(bytes: DataView, start: number, end: number): number {
  if (end === start) return NO_PID
  if (end - start > PID_DIGITS_MAX || (bytes.getUint8(start) === ZERO && end - start > 1)) return PID_IS_TEXT
  let value = 0
  for (let i = start; i < end; i += 1) {
    const digit = bytes.getUint8(i) - ZERO
    if (digit < 0 || digit > 9) return PID_IS_TEXT
    value = value * 10 + digit
  }
  return value
}
