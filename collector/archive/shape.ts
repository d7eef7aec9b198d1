// The layout of a message's header, so that its bytes are rebuilt from the columns. Messages of one sender share theirs: a
// block has a few dozen.
//
//   <34>1 2003-10-11T22:14:15.003Z web-1 su 230 ID47 - text
//   [PRI]"1 "[TIME iso, 3 digits]"Z "[HOST]" "[PROGRAM]" "[PID]" "[MSGID]" - "[MESSAGE]
//
// As an entry of the block's dictionary of shapes:
//
//   kind: bits 0-1 format, 2 kept, 3-4 form of the time, 5-7 unit of the time │ digits of its fraction │ fields, a bit each
//   │ zone, minutes east of UTC, 16 bits, low byte first │ what stands before each field, and before the message: length, bytes
//
// A header that does not rebuild (a time in another form, a host before the time), or that no other message will share (`65536: `
// before all else), is *kept*: its bytes, up to the message, are in the column of headers, and its shape says only what the
// columns need.

import {
  DEFECTS_SHIFT,
  FORMAT_MASK,
  HOST,
  KIND,
  MESSAGE,
  NO_ZONE,
  PRIORITY,
  ROW,
  TIME,
  type HeaderTable,
} from '../../common/pipeline/header-table.ts'
import { defectBit } from '../../common/message/defects.ts'
import { viewOf } from './byte-ranges.ts'
import type { Dictionary } from './dictionary.ts'
import { FORM_NONE, found, recognise } from './time-form.ts'

/** How the time column counts a message's time. */
export const UNIT_NONE = 0
export const UNIT_SECOND = 1
export const UNIT_MS = 2
export const UNIT_US = 3
/** Beyond whole numbers' exactness of deltas: kept as it is. */
export const UNIT_ODD = 4

/** Bits of a shape's fields, in the order in which they stand in a header. */
export const HAS_PRIORITY = 1
export const HAS_TIME = 2
export const FIRST_FIELD = 4

const KEPT = 4
const FORM_SHIFT = 3
const UNIT_SHIFT = 5
const HEAD_BYTES = 5
const GAP_BYTES_MAX = 255
// Before the first field stand a version, a space, a mark, a time that is none. What is longer is a number that each message of a
// router has its own of.
const LEAD_BYTES_MAX = 4
const SHAPE_BYTES_MAX = 512
/** Before the time, the fields from host to structured data, and the message. */
const GAPS_MAX = 7
const LESS = 0x3c
const GREATER = 0x3e
const ZERO = 0x30
const NO_PRI = (defectBit('PRI_MISSING') | defectBit('PRI_INVALID')) << DEFECTS_SHIFT
// Deltas of times up to this (the year 2112, µs) are exact.
const EXACT_US = 2 ** 52

export class ShapeFinder {
  /** The dictionary entry of the last message: `[0, #length)`. Most messages leave it as it was. */
  readonly #bytes = new Uint8Array(SHAPE_BYTES_MAX + 2 * GAP_BYTES_MAX)
  readonly #view = viewOf(this.#bytes)
  #length = 0
  unit = UNIT_NONE
  /** Whether the header has to be kept. */
  kept = false
  #changed = true
  #number = -1
  /** Of the last message's gaps, in their order, those of up to three bytes: length and bytes in one number; else 0. */
  readonly #shortGaps = new Int32Array(GAPS_MAX)
  #gaps = 0

  /** Forgets the number: the dictionary that it stands in is empty. */
  clear(): void {
    this.#number = -1
  }

  /** The number in `dictionary` of message i's shape, whose header begins at `start`. */
  numberIn(dictionary: Dictionary, bytes: DataView, table: HeaderTable, i: number, start: number): number {
    this.#changed = false
    this.#find(bytes, table, i, start)
    if (this.#changed || this.#number < 0) this.#number = dictionary.idOf(this.#view, 0, this.#length)
    return this.#number
  }

  #find(bytes: DataView, table: HeaderTable, i: number, start: number): void {
    const { cells } = table
    const row = i * ROW
    const time = table.times[i]
    const format = cells[row + KIND] & FORMAT_MASK
    const length = this.#length
    this.#length = HEAD_BYTES
    this.#gaps = 0
    let fields = 0
    let form = FORM_NONE
    let digits = 0
    let at = start
    let kept = false
    if ((cells[row + KIND] & NO_PRI) === 0) {
      const behind = priorityEnd(bytes, start, cells[row + MESSAGE + 1], cells[row + PRIORITY])
      if (behind > 0) {
        fields |= HAS_PRIORITY
        at = behind
      }
    }
    const lead = at
    const timeEnd = cells[row + TIME + 1]
    if (timeEnd > cells[row + TIME]) {
      if (Number.isNaN(time) || !recognise(bytes, cells[row + TIME], timeEnd, time, table.zones[i])) kept = true
      else {
        fields |= HAS_TIME
        form = found.form
        digits = found.digits
        kept = cells[row + TIME] - lead > LEAD_BYTES_MAX || !this.#gap(bytes, at, cells[row + TIME])
        at = found.end
      }
    }
    for (let field = HOST, bit = FIRST_FIELD; !kept && field < MESSAGE; field += 2, bit <<= 1) {
      const end = cells[row + field + 1]
      if (end === cells[row + field]) continue
      fields |= bit
      kept = (at === lead && cells[row + field] - lead > LEAD_BYTES_MAX) || !this.#gap(bytes, at, cells[row + field])
      at = end
    }
    if (!kept) kept = !this.#gap(bytes, at, cells[row + MESSAGE])
    if (kept) {
      this.#length = HEAD_BYTES
      form = FORM_NONE
      digits = 0
      fields = 0
    }
    this.kept = kept
    this.unit = unitOf(time, kept, digits)
    const zone = Number.isNaN(time) ? NO_ZONE : table.zones[i]
    this.#byte(0, format | (kept ? KEPT : 0) | (form << FORM_SHIFT) | (this.unit << UNIT_SHIFT))
    this.#byte(1, digits)
    this.#byte(2, fields)
    this.#byte(3, zone & 0xff)
    this.#byte(4, (zone >> 8) & 0xff)
    if (this.#length !== length) this.#changed = true
    // What was behind these gaps may be written over.
    if (this.#changed) this.#shortGaps.fill(0, this.#gaps)
  }

  /** What stands in `[start, end)` between two fields; false where the fields are out of order or it is too long. */
  #gap(bytes: DataView, start: number, end: number): boolean {
    const length = end - start
    if (length < 0 || length > GAP_BYTES_MAX || this.#length + length >= SHAPE_BYTES_MAX) return false
    const gap = this.#gaps++
    const short = length > 3 ? 0 : shortGap(bytes, start, length)
    if (short !== 0 && short === this.#shortGaps[gap] && !this.#changed) {
      // As in the last message, and so is all before it: its bytes are there.
      this.#length += 1 + length
      return true
    }
    this.#shortGaps[gap] = short
    let at = this.#length
    this.#byte(at++, length)
    for (let i = start; i < end; i += 1) this.#byte(at++, bytes.getUint8(i))
    this.#length = at
    return true
  }

  #byte(at: number, byte: number): void {
    if (this.#bytes[at] === byte) return
    this.#bytes[at] = byte
    this.#changed = true
  }
}

/** The length, and up to three bytes, in one number that is not 0. */
function shortGap(bytes: DataView, start: number, length: number): number {
  let short = 1 + length
  for (let i = 0, shift = 8; i < length; i += 1, shift += 8) short |= bytes.getUint8(start + i) << shift
  return short
}

function unitOf(time: number, kept: boolean, digits: number): number {
  if (Number.isNaN(time)) return UNIT_NONE
  if (time > EXACT_US || time < -EXACT_US) return UNIT_ODD
  return kept || digits > 3 ? UNIT_US : digits > 0 ? UNIT_MS : UNIT_SECOND
}

/** Behind `<priority>` at `at`, where it stands there without leading zeros; else 0. */
function priorityEnd(bytes: DataView, at: number, end: number, priority: number): number {
  const digits = priority >= 100 ? 3 : priority >= 10 ? 2 : 1
  if (at + digits + 2 > end || bytes.getUint8(at) !== LESS) return 0
  let next = at + 1
  if (digits > 2 && bytes.getUint8(next++) !== ZERO + ((priority / 100) | 0)) return 0
  if (digits > 1 && bytes.getUint8(next++) !== ZERO + (((priority / 10) | 0) % 10)) return 0
  if (bytes.getUint8(next) !== ZERO + (priority % 10) || bytes.getUint8(next + 1) !== GREATER) return 0
  return next + 2
}

/** A shape as read back. */
export interface Shape {
  /** `FORMAT_RAW` … */
  readonly format: number
  readonly kept: boolean
  readonly form: number
  readonly unit: number
  readonly digits: number
  readonly fields: number
  /** Minutes east of UTC; `NO_ZONE` where there is no time. */
  readonly zone: number
  /** What stands before each field that it has, in order, and before the message. */
  readonly gaps: readonly Uint8Array[]
}

export function readShape(bytes: Uint8Array): Shape {
  const gaps: Uint8Array[] = []
  for (let at = HEAD_BYTES; at < bytes.length; at += 1 + bytes[at])
    gaps.push(bytes.subarray(at + 1, at + 1 + bytes[at]))
  const zone = ((bytes[3] | (bytes[4] << 8)) << 16) >> 16
  return {
    ...{ format: bytes[0] & FORMAT_MASK, kept: (bytes[0] & KEPT) !== 0, form: (bytes[0] >> FORM_SHIFT) & 3 },
    ...{ unit: bytes[0] >> UNIT_SHIFT, digits: bytes[1], fields: bytes[2], zone, gaps },
  }
}
