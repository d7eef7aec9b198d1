// Writes the match lines of a block into one buffer, followed by the fields that are not in them (drawing in `decoded-block.ts`).

import {
  DEFECTS_SHIFT,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  NO_ZONE,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
} from '../../common/pipeline/header-table.ts'
import { NO_PID, PID_IS_TEXT } from './block-builder.ts'
import type { DecodedBlock, Lines, Pids } from './decoded-block.ts'

const SPACE = 0x20
const LF = 0x0a
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d
const PID_BYTES_MAX = 10

/** Writes the match lines of all messages, and a table with the ranges of their fields. */
export function writeLines(block: DecodedBlock): Lines {
  const { count, hosts, hostIds, programs, programIds, msgids, msgidIds, messages, structuredData, pids } = block
  const { pidTextNumbers, shapes, shapeIds, priorities, defects } = block
  const bytes = Buffer.allocUnsafeSlow(roomFor(block))
  const lineStarts = new Uint32Array(count + 1)
  const cells = new Int32Array(count * ROW)
  const zones = new Int16Array(count).fill(NO_ZONE)
  let at = 0
  for (let i = 0; i < count; i += 1) {
    const row = i * ROW
    const host = hostIds[i]
    const program = programIds[i]
    const shape = shapes[shapeIds[i]]
    lineStarts[i] = at
    cells[row + PRIORITY] = priorities[i]
    cells[row + KIND] = shape.format | (defects[i] << DEFECTS_SHIFT)
    zones[i] = shape.zone
    cells[row + HOST] = at
    at = copy(hosts.bytes, hosts.starts[host], hosts.starts[host + 1], bytes, at)
    cells[row + HOST + 1] = at
    bytes[at++] = SPACE
    const programStart = programs.starts[program]
    const programEnd = programs.starts[program + 1]
    const pid = pids.numbers[i]
    if (programEnd > programStart) {
      cells[row + PROGRAM] = at
      at = copy(programs.bytes, programStart, programEnd, bytes, at)
      cells[row + PROGRAM + 1] = at
      if (pid !== NO_PID) {
        bytes[at++] = OPEN
        cells[row + PID] = at
        at = writePid(pids, pidTextNumbers[i], pid, bytes, at)
        cells[row + PID + 1] = at
        bytes[at++] = CLOSE
      }
      bytes[at++] = COLON
      bytes[at++] = SPACE
    }
    cells[row + MESSAGE] = at
    at = copy(messages.bytes, messages.starts[i], messages.starts[i + 1], bytes, at)
    cells[row + MESSAGE + 1] = at
    bytes[at++] = LF
  }
  lineStarts[count] = at

  // The pid of a message without a program is not in its match line, so it is written after the lines.
  for (let i = 0; i < count; i += 1) {
    const row = i * ROW
    if (pids.numbers[i] === NO_PID || cells[row + PID + 1] > 0) continue
    cells[row + PID] = at
    at = writePid(pids, pidTextNumbers[i], pids.numbers[i], bytes, at)
    cells[row + PID + 1] = at
  }
  const msgidsAt = at
  bytes.set(msgids.bytes, at)
  at += msgids.bytes.length
  bytes.set(structuredData.bytes, at)
  for (let i = 0; i < count; i += 1) {
    const row = i * ROW
    cells[row + MSGID] = msgidsAt + msgids.starts[msgidIds[i]]
    cells[row + MSGID + 1] = msgidsAt + msgids.starts[msgidIds[i] + 1]
    cells[row + STRUCTURED_DATA] = at + structuredData.starts[i]
    cells[row + STRUCTURED_DATA + 1] = at + structuredData.starts[i + 1]
  }
  return { bytes, lineStarts, table: { count, cells, times: block.effectiveTimes, zones } }
}

/** An upper bound of the bytes that `writeLines` needs. */
function roomFor(block: DecodedBlock): number {
  const { count, hosts, hostIds, programs, programIds, msgids, messages, structuredData, pids } = block
  let room = messages.bytes.length + msgids.bytes.length + structuredData.bytes.length + pids.texts.bytes.length
  for (let i = 0; i < count; i += 1) {
    room += hosts.starts[hostIds[i] + 1] - hosts.starts[hostIds[i]]
    room += programs.starts[programIds[i] + 1] - programs.starts[programIds[i]]
  }
  return room + count * (PID_BYTES_MAX + 6) + 8
}

function writePid(pids: Pids, textNumber: number, pid: number, bytes: Buffer, at: number): number {
  if (pid === PID_IS_TEXT) {
    const { texts } = pids
    return copy(texts.bytes, texts.starts[textNumber], texts.starts[textNumber + 1], bytes, at)
  }
  let scale = 1
  while (pid >= 10 * scale) scale *= 10
  for (; scale >= 1; scale = (scale / 10) | 0) bytes[at++] = 0x30 + (((pid / scale) | 0) % 10)
  return at
}

// Most texts are short: up to about 100 bytes this loop is faster than a call of `set`.
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > 100) {
    to.set(from.subarray(start, end), at)
    return at + end - start
  }
  for (let i = start; i < end; i += 1) to[at++] = from[i]
  return at
}
