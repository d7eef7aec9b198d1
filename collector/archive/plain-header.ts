// Recognises headers in the layouts that nearly all messages have. A block knows the shape of each of these layouts once it has
// seen it, so the bytes between the fields are not compared with those of the last message.
//
//   <34>Oct 11 22:14:15 mymachine su[230]: text             or without [230]
//   <34>1 2003-10-11T22:14:15.003Z mymachine su 230 ID47 [id a="b"] text       or with - for a field, or without the fraction
//
// Measured on the benchmark's corpora: encoding takes 7 % (RFC 3164) and 12 % (RFC 5424) less time than if each shape is found by
// its gaps.

import {
  FORMAT_RFC3164,
  FORMAT_RFC5424,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
  TIME,
  type HeaderTable,
} from '../../common/pipeline/header-table.ts'
import { BSD_BYTES, FORM_BSD, FORM_ISO, found, recognise } from './time-form.ts'

/** There are this many plain layouts, numbered from 0. */
export const PLAIN_LAYOUTS = 256
export const NOT_PLAIN = -1

const SPACE = 0x20
const OPEN = 0x5b
const Z = 0x5a
const CLOSE = 0x5d
// Two bytes, read as one little-endian number.
const COLON_SPACE = 0x203a
const SPACE_DASH = 0x2d20
const ONE_SPACE = 0x2031
// A layout of RFC 5424 is a bit for each of its five fields, then the digits of its time's fraction, 0 to 6.
const FIELDS_SHIFT = 3
const BSD_WITH_PID = 7
const BSD_WITHOUT_PID = 15

/** The plain layout of message i's header, which begins at `start`; `NOT_PLAIN` if it has none of them. */
export function plainLayout(bytes: DataView, table: HeaderTable, i: number, start: number): number {
  const { cells } = table
  const row = i * ROW
  const kind = cells[row + KIND]
  // A message with a defect has a KIND of another value.
  if (kind === FORMAT_RFC3164) return plainRfc3164(bytes, table, i, row, start)
  return kind === FORMAT_RFC5424 ? plainRfc5424(bytes, table, i, row, start) : NOT_PLAIN
}

function plainRfc3164(bytes: DataView, table: HeaderTable, i: number, row: number, start: number): number {
  const { cells } = table
  const time = cells[row + TIME]
  const timeEnd = cells[row + TIME + 1]
  const host = cells[row + HOST]
  const hostEnd = cells[row + HOST + 1]
  const program = cells[row + PROGRAM]
  const programEnd = cells[row + PROGRAM + 1]
  const pid = cells[row + PID]
  const pidEnd = cells[row + PID + 1]
  const message = cells[row + MESSAGE]
  if (timeEnd - time !== BSD_BYTES || time - start !== priorityBytes(cells[row + PRIORITY])) return NOT_PLAIN
  if (host !== timeEnd + 1 || hostEnd === host || bytes.getUint8(timeEnd) !== SPACE) return NOT_PLAIN
  if (program !== hostEnd + 1 || programEnd === program || bytes.getUint8(hostEnd) !== SPACE) return NOT_PLAIN
  if (cells[row + MSGID + 1] !== cells[row + MSGID]) return NOT_PLAIN
  if (cells[row + STRUCTURED_DATA + 1] !== cells[row + STRUCTURED_DATA]) return NOT_PLAIN
  const hasPid = pidEnd !== pid
  if (hasPid) {
    if (pid !== programEnd + 1 || bytes.getUint8(programEnd) !== OPEN) return NOT_PLAIN
    if (message !== pidEnd + 3 || bytes.getUint8(pidEnd) !== CLOSE) return NOT_PLAIN
  } else if (message !== programEnd + 2) return NOT_PLAIN
  if (bytes.getUint16(message - 2, true) !== COLON_SPACE) return NOT_PLAIN
  if (!recognise(bytes, time, timeEnd, table, i) || found.form !== FORM_BSD) return NOT_PLAIN
  return hasPid ? BSD_WITH_PID : BSD_WITHOUT_PID
}

function plainRfc5424(bytes: DataView, table: HeaderTable, i: number, row: number, start: number): number {
  const { cells } = table
  const time = cells[row + TIME]
  const timeEnd = cells[row + TIME + 1]
  const message = cells[row + MESSAGE]
  const version = start + priorityBytes(cells[row + PRIORITY])
  if (time !== version + 2 || bytes.getUint16(version, true) !== ONE_SPACE) return NOT_PLAIN
  if (!recognise(bytes, time, timeEnd, table, i) || found.form !== FORM_ISO) return NOT_PLAIN
  if (timeEnd !== found.end + 1 || bytes.getUint8(found.end) !== Z) return NOT_PLAIN
  const { digits } = found
  let at = timeEnd
  let fields = 0
  for (let field = HOST; field < MESSAGE; field += 2) {
    fields <<= 1
    const end = cells[row + field + 1]
    if (end === cells[row + field]) {
      if (at + 2 > message || bytes.getUint16(at, true) !== SPACE_DASH) return NOT_PLAIN
      at += 2
    } else {
      if (cells[row + field] !== at + 1 || bytes.getUint8(at) !== SPACE) return NOT_PLAIN
      fields |= 1
      at = end
    }
  }
  if (message !== at + 1 || bytes.getUint8(at) !== SPACE) return NOT_PLAIN
  return (fields << FIELDS_SHIFT) | digits
}

/** The length of `<priority>` without leading zeros. */
function priorityBytes(priority: number): number {
  return priority >= 100 ? 5 : priority >= 10 ? 4 : 3
}
