// Messages of a batch, as a source made it, into blocks: the header is parsed, and each field goes to its column.

import { parseHeaders } from '../../common/message/parse.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import {
  DEFECTS_SHIFT,
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
import { NO_PID, PID_IS_TEXT, type BlockBuilder, type Row } from './block-builder.ts'
import { viewOf } from './byte-ranges.ts'
import { ShapeFinder } from './shape.ts'

const ZERO = 0x30
const PID_DIGITS_MAX = 9

const shapes = new ShapeFinder()
const row: Row = {
  ...{ time: NaN, received: 0, priority: 0, host: 0, program: 0, msgid: 0, origin: 0, shape: 0, unit: 0 },
  ...{ pid: NO_PID, defects: 0, rawBytes: 0 },
}

/**
 * Adds the messages i with `skipped[i] === 0` (all, where there is no `skipped`); `full` is called whenever the builder has a
 * block's worth, and empties it.
 */
export function addBatch(batch: Batch, skipped: Uint8Array | undefined, builder: BlockBuilder, full: () => void): void {
  const table = takeHeaderTable(batch.count)
  parseHeaders(batch, table)
  let i = 0
  for (const { count, origin } of batch.runs) {
    const originBytes = originEntry(origin)
    row.received = origin.received ?? batch.received
    let originId = builder.origins.idOf(originBytes, 0, originBytes.byteLength)
    for (const last = i + count; i < last; i += 1) {
      if (skipped && skipped[i] !== 0) continue
      row.origin = originId
      addMessage(batch.slab.bytes, batch.slab.view, batch.bounds[2 * i], batch.bounds[2 * i + 1], table, i, origin, builder)
      if (!builder.isFull) continue
      full()
      originId = builder.origins.idOf(originBytes, 0, originBytes.byteLength)
    }
  }
  giveBackHeaderTable(table)
}

/** An origin as an entry of the block's dictionary: source, NUL, peer. */
function originEntry({ source, peer }: Origin): DataView {
  return viewOf(Buffer.from(`${source}\0${peer ?? ''}`))
}

function addMessage(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  table: HeaderTable,
  i: number,
  origin: Origin,
  builder: BlockBuilder,
): void {
  const { cells } = table
  const at = i * ROW
  // A host that configuration replaces is part of the layout: what came stays in the raw bytes.
  if (origin.hostForced === true) cells[at + HOST + 1] = cells[at + HOST]
  shapes.find(bytes, table, i, start)
  const host = cells[at + HOST]
  const hostEnd = cells[at + HOST + 1]
  const program = cells[at + PROGRAM]
  const programEnd = cells[at + PROGRAM + 1]
  const kind = cells[at + KIND]
  const message = cells[at + MESSAGE]
  const { hosts, programs, msgids } = builder
  row.shape = builder.shapes.idOf(shapes.view, 0, shapes.length)
  row.unit = shapes.unit
  row.time = table.times[i]
  row.priority = cells[at + PRIORITY]
  row.host = hostEnd > host ? hosts.idOf(view, host, hostEnd) : hosts.idOf(viewOf(origin.host), 0, origin.host.length)
  if (programEnd > program) row.program = programs.idOf(view, program, programEnd)
  else if ((kind & FORMAT_MASK) === FORMAT_RAW) row.program = programs.idOf(viewOf(origin.program), 0, origin.program.length)
  else row.program = programs.idOf(view, 0, 0)
  row.msgid = msgids.idOf(view, cells[at + MSGID], cells[at + MSGID + 1])
  row.pid = pidNumber(bytes, cells[at + PID], cells[at + PID + 1])
  row.defects = kind >>> DEFECTS_SHIFT
  row.rawBytes = end - start
  builder.row(row)
  if (row.pid === PID_IS_TEXT) builder.pidText(view, cells[at + PID], cells[at + PID + 1])
  builder.message(row, view, message, end)
  builder.structuredData(view, cells[at + STRUCTURED_DATA], cells[at + STRUCTURED_DATA + 1])
  if (shapes.kept) builder.keptHeader(view, start, message)
}

/** A pid in decimal without leading zeros as a number. */
export function pidNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end === start) return NO_PID
  if (end - start > PID_DIGITS_MAX || (bytes[start] === ZERO && end - start > 1)) return PID_IS_TEXT
  let value = 0
  for (let i = start; i < end; i += 1) {
    const digit = bytes[i] - ZERO
    if (digit < 0 || digit > 9) return PID_IS_TEXT
    value = value * 10 + digit
  }
  return value
}
