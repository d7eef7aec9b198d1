// The formats in which messages are written; `lineFormatTable` shows them.
//
// Times keep the offset with which they were written. A message without a time is written with its time of receipt.
// All formats except raw and json write LF, CR and NUL as `#012`, `#015` and `#000`, so that a sender cannot forge
// lines.
//
// Once the header is parsed, `iso` takes 140 ns for RFC 3164 (messages as measured in `message/parse.ts`), where `host
// program[pid]: message` appears in the input as it is written and is copied as one range, and 230 ns for RFC 5424.

import { batchZone } from './batch-zone.ts'
import { headersOf } from './headers.ts'
import { writeJson } from './json-line.ts'
import { Output } from './output.ts'
import { writeStructuredData } from './structured-data-writer.ts'
import { BsdTimeWriter, IsoTimeWriter } from './time-text.ts'
import { receivedOf, type Batch, type Origin, type Run } from '../pipeline/batch.ts'
import {
  FORMAT_MASK,
  FORMAT_RAW,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
  type HeaderTable,
} from '../pipeline/header-table.ts'

/** A sample line or description of each format, for the handbook. */
export const lineFormatTable = {
  traditional: '`Nov 20 10:00:00 host program[pid]: message`',
  iso: '`2026-11-20T10:00:00.123456+01:00 host program[pid]: message`',
  rfc3164: '`<134>Nov 20 10:00:00 host program[pid]: message`',
  rfc5424: '`<134>1 2026-11-20T10:00:00.123456+01:00 host program pid msgid [sd] message`',
  json: 'One object: what `sluice parse` prints, and `received`, `from` and `source`.',
  raw: 'The bytes as they came.',
} as const
export type LineFormatName = keyof typeof lineFormatTable
export const lineFormatNames = Object.keys(lineFormatTable) as LineFormatName[]

const SPACE = 0x20
const DASH = 0x2d
const COLON = 0x3a
const LESS = 0x3c
const GREATER = 0x3e
const OPEN = 0x5b
const CLOSE = 0x5d
const NEWLINE = 0x0a
const ONE = 0x31

export interface LineFormat {
  /** Writes message i of the batch, which belongs to `run`, without a newline. */
  write(batch: Batch, i: number, run: Run, output: Output): void
}

/** Writes every message of the batch, each with a newline. */
export function writeLines(format: LineFormat, batch: Batch, output: Output): void {
  let i = 0
  for (const run of batch.runs) {
    for (const last = i + run.count; i < last; i += 1) {
      format.write(batch, i, run, output)
      output.byte(NEWLINE)
    }
  }
}

const iso = new IsoTimeWriter()
const bsd = new BsdTimeWriter()

/** Returns the format with this name. */
export function lineFormat(name: LineFormatName): LineFormat {
  return formats[name]
}

const formats: Record<LineFormatName, LineFormat> = {
  traditional: { write: writeTraditional },
  iso: { write: writeIso },
  rfc3164: { write: writeRfc3164 },
  rfc5424: { write: (batch, i, run, output) => writeRfc5424(batch, i, run, output, true) },
  json: { write: writeJson },
  raw: { write: (batch, i, _, output) => output.raw(batch.slab, batch.bounds[2 * i], batch.bounds[2 * i + 1]) },
}

function writeIso(batch: Batch, i: number, run: Run, output: Output): void {
  const table = headersOf(batch)
  const time = table.times[i]
  if (Number.isNaN(time)) iso.write(receivedOf(batch, run), batchZone(batch), output)
  else iso.write(time, table.zones[i], output)
  output.byte(SPACE)
  writeFrom(batch, i, run.origin, output, table)
}

function writeTraditional(batch: Batch, i: number, run: Run, output: Output): void {
  const table = headersOf(batch)
  const time = table.times[i]
  if (Number.isNaN(time)) bsd.write(receivedOf(batch, run), batchZone(batch), output)
  else bsd.write(time, table.zones[i], output)
  output.byte(SPACE)
  writeFrom(batch, i, run.origin, output, table)
}

function writeRfc3164(batch: Batch, i: number, run: Run, output: Output): void {
  writePriority(headersOf(batch).cells[i * ROW + PRIORITY], output)
  writeTraditional(batch, i, run, output)
}

function writePriority(priority: number, output: Output): void {
  output.byte(LESS)
  output.number(priority)
  output.byte(GREATER)
}

/** Writes `host program[pid]: message`, the text that searches match, or `host message` if there is no program. */
function writeFrom(batch: Batch, i: number, origin: Origin, output: Output, table: HeaderTable): void {
  const { cells } = table
  const row = i * ROW
  const { slab } = batch
  const host = cells[row + HOST]
  const hostEnd = cells[row + HOST + 1]
  const message = cells[row + MESSAGE]
  const messageEnd = cells[row + MESSAGE + 1]
  const named = hostEnd > host && origin.hostForced !== true
  if (named && standsAsWritten(slab.bytes, cells, row, hostEnd, message)) {
    output.line(slab, host, messageEnd)
    return
  }
  if (named) output.line(slab, host, hostEnd)
  else output.lineText(origin.host)
  output.byte(SPACE)
  writeTag(batch, row, origin, output, cells)
  output.line(slab, message, messageEnd)
}

/** Whether the input has ` program[pid]: ` or ` program: ` between host and message, byte for byte. */
function standsAsWritten(bytes: Uint8Array, cells: Int32Array, row: number, hostEnd: number, message: number): boolean {
  const program = cells[row + PROGRAM]
  const programEnd = cells[row + PROGRAM + 1]
  const pidEnd = cells[row + PID + 1]
  if (program !== hostEnd + 1 || programEnd === program) return false
  const tagEnd = pidEnd > 0 ? pidEnd + 1 : programEnd
  if (pidEnd > 0 && cells[row + PID] !== programEnd + 1) return false
  return message === tagEnd + 2 && bytes[tagEnd] === COLON && bytes[tagEnd + 1] === SPACE && bytes[hostEnd] === SPACE
}

function writeTag(batch: Batch, row: number, origin: Origin, output: Output, cells: Int32Array): void {
  const program = cells[row + PROGRAM]
  const programEnd = cells[row + PROGRAM + 1]
  if (programEnd > program) output.line(batch.slab, program, programEnd)
  else if ((cells[row + KIND] & FORMAT_MASK) === FORMAT_RAW && origin.program.length > 0)
    output.lineText(origin.program)
  else return
  const pid = cells[row + PID]
  const pidEnd = cells[row + PID + 1]
  if (pidEnd > pid) {
    output.byte(OPEN)
    output.line(batch.slab, pid, pidEnd)
    output.byte(CLOSE)
  }
  output.byte(COLON)
  output.byte(SPACE)
}

/**
 * Writes message i in the format of RFC 5424 §6. `escaped` is false if the output uses octet counting, which allows
 * any byte in a message.
 */
export function writeRfc5424(batch: Batch, i: number, run: Run, output: Output, escaped: boolean): void {
  const { origin } = run
  const table = headersOf(batch)
  const { cells } = table
  const row = i * ROW
  writePriority(cells[row + PRIORITY], output)
  output.byte(ONE)
  output.byte(SPACE)
  const time = table.times[i]
  if (Number.isNaN(time)) iso.write(receivedOf(batch, run), batchZone(batch), output)
  else iso.write(time, table.zones[i], output)
  output.byte(SPACE)
  const raw = (cells[row + KIND] & FORMAT_MASK) === FORMAT_RAW
  const named = cells[row + HOST + 1] > cells[row + HOST] && origin.hostForced !== true
  if (named) output.line(batch.slab, cells[row + HOST], cells[row + HOST + 1])
  else output.word(origin.host.length > 0 ? origin.host : NIL)
  output.byte(SPACE)
  if (raw && cells[row + PROGRAM + 1] === cells[row + PROGRAM] && origin.program.length > 0) output.word(origin.program)
  else writeOrNil(batch, row + PROGRAM, output, cells)
  for (const field of REST_OF_HEADER) {
    output.byte(SPACE)
    writeOrNil(batch, row + field, output, cells)
  }
  output.byte(SPACE)
  const data = cells[row + STRUCTURED_DATA]
  const dataEnd = cells[row + STRUCTURED_DATA + 1]
  if (dataEnd > data) writeStructuredData(batch.slab, data, dataEnd, output)
  else output.byte(DASH)
  const message = cells[row + MESSAGE]
  const messageEnd = cells[row + MESSAGE + 1]
  if (messageEnd === message) return
  output.byte(SPACE)
  if (escaped) output.line(batch.slab, message, messageEnd)
  else output.raw(batch.slab, message, messageEnd)
}

const NIL = Buffer.from('-')
const REST_OF_HEADER = [PID, MSGID] as const

function writeOrNil(batch: Batch, cell: number, output: Output, cells: Int32Array): void {
  if (cells[cell + 1] > cells[cell]) output.line(batch.slab, cells[cell], cells[cell + 1])
  else output.byte(DASH)
}
