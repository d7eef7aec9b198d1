// The shape of a message is the layout of its header: with it, the header's bytes can be rebuilt from the columns. Messages of
// one sender share their shape, so a block has a few dozen.
//
//   <34>1 2003-10-11T22:14:15.003Z web-1 su 230 ID47 - text
//   [PRI]"1 "[TIME iso, 3 digits]"Z "[HOST]" "[PROGRAM]" "[PID]" "[MSGID]" - "[MESSAGE]
//
// Its entry in the block's dictionary of shapes:
//
//   1 byte    bits 0-1 format, 2 kept, 3-4 form of the time, 5-7 unit of the time
//   1 byte    digits of the time's fraction
//   1 byte    fields, a bit each
//   2 bytes   zone, minutes east of UTC, low byte first
//   gaps      the bytes before each field, and those before the message: 1 byte length, then the bytes
//
// A header is *kept* if it could not be rebuilt (a time in another form, a host before the time), or if no other message will
// share its shape (a counter such as `65536: ` in front). Its bytes, up to the message, are then stored in the column of
// headers, and its shape has only what decoding the other columns needs.

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
import { NOT_PLAIN, PLAIN_LAYOUTS, plainLayout } from './plain-header.ts'
import { FORM_NONE, found, recognise } from './time-form.ts'

/** Unit in which a message's time is stored; each unit has a column of its own. `UNIT_NONE`: it has no time. */
export const UNIT_NONE = 0
export const UNIT_SECOND = 1
export const UNIT_MS = 2
export const UNIT_US = 3
/** Too far from 1970 for exact deltas in µs: stored as a 64-bit float. */
export const UNIT_ODD = 4

/** Bits of a shape's fields, in the order of the fields in a header. The fields from host on follow from `FIRST_FIELD`. */
export const HAS_PRIORITY = 1
export const HAS_TIME = 2
export const FIRST_FIELD = 4

const KEPT = 4
const FORM_SHIFT = 3
const UNIT_SHIFT = 5
const HEAD_BYTES = 5
const GAP_BYTES_MAX = 255
// What comes before the first field is usually a version, a space, a mark, or `-` in place of a time. Anything longer is taken
// for a sequence number, as routers write it: it differs in each message.
const LEAD_BYTES_MAX = 4
const SHAPE_BYTES_MAX = 512
/** One gap before the time, one before each field from host to structured data, and one before the message. */
const GAPS_MAX = 7
const LESS = 0x3c
const GREATER = 0x3e
const ZERO = 0x30
const NO_PRI = (defectBit('PRI_MISSING') | defectBit('PRI_INVALID')) << DEFECTS_SHIFT
// Deltas between times of up to this many µs from the epoch (the year 2112) are exact.
const EXACT_US = 2 ** 52

/** Finds the shapes of one message after another. */
export class ShapeFinder {
  /** The dictionary entry of the last message is `[0, #length)`. Most messages have the same one as the message before. */
  readonly #bytes = new Uint8Array(SHAPE_BYTES_MAX + 2 * GAP_BYTES_MAX)
  readonly #view = viewOf(this.#bytes)
  #length = 0
  /** The unit of the last message's time. */
  unit = UNIT_NONE
  /** Whether the last message's header has to be kept. */
  kept = false
  #changed = true
  #number = -1
  /** The last message's gaps in order: length and bytes as one number if the gap has up to three bytes, else 0. */
  readonly #shortGaps = new Int32Array(GAPS_MAX)
  #gaps = 0
  /** For each plain layout the last shape that had it: its number (-1 if none), and the zone and unit of its time. */
  readonly #plainNumbers = new Int32Array(PLAIN_LAYOUTS).fill(-1)
  readonly #plainZones = new Int16Array(PLAIN_LAYOUTS)
  readonly #plainUnits = new Uint8Array(PLAIN_LAYOUTS)

  /** Forgets the numbers of shapes, because the dictionary has been emptied. */
  clear(): void {
    this.#number = -1
    this.#plainNumbers.fill(-1)
  }

  /** Returns the number of message i's shape in `dictionary`. The message's header begins at `start`. */
  numberIn(dictionary: Dictionary, bytes: DataView, table: HeaderTable, i: number, start: number): number {
    const layout = isExact(table.times[i]) ? plainLayout(bytes, table, i, start) : NOT_PLAIN
    const zone = table.zones[i]
    if (layout !== NOT_PLAIN && this.#plainNumbers[layout] >= 0 && this.#plainZones[layout] === zone) {
      this.kept = false
      this.unit = this.#plainUnits[layout]
      return this.#plainNumbers[layout]
    }
    this.#changed = false
    this.#find(bytes, table, i, start)
    if (this.#changed || this.#number < 0) this.#number = dictionary.idOf(this.#view, 0, this.#length)
    if (layout !== NOT_PLAIN && !this.kept) {
      this.#plainNumbers[layout] = this.#number
      this.#plainZones[layout] = zone
      this.#plainUnits[layout] = this.unit
    }
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
      if (Number.isNaN(time) || !recognise(bytes, cells[row + TIME], timeEnd, table, i)) kept = true
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
    // Gaps of an earlier message from here on may be overwritten in the entry, so they are not compared with any more.
    if (this.#changed) this.#shortGaps.fill(0, this.#gaps)
  }

  /** Appends the gap `[start, end)` between two fields; returns false if the fields are out of order or it is too long. */
  #gap(bytes: DataView, start: number, end: number): boolean {
    const length = end - start
    if (length < 0 || length > GAP_BYTES_MAX || this.#length + length >= SHAPE_BYTES_MAX) return false
    const gap = this.#gaps++
    const short = length > 3 ? 0 : shortGap(bytes, start, length)
    if (short !== 0 && short === this.#shortGaps[gap] && !this.#changed) {
      // This gap and everything before it are the same as in the last message, so its bytes are already in the entry.
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

/** Packs the length and up to three bytes of a gap into one number, which is never 0. */
function shortGap(bytes: DataView, start: number, length: number): number {
  let short = 1 + length
  for (let i = 0, shift = 8; i < length; i += 1, shift += 8) short |= bytes.getUint8(start + i) << shift
  return short
}

/** Whether deltas between this time and others like it are exact. False for NaN. */
function isExact(time: number): boolean {
  return time <= EXACT_US && time >= -EXACT_US
}

function unitOf(time: number, kept: boolean, digits: number): number {
  if (Number.isNaN(time)) return UNIT_NONE
  if (!isExact(time)) return UNIT_ODD
  return kept || digits > 3 ? UNIT_US : digits > 0 ? UNIT_MS : UNIT_SECOND
}

/** Returns where `<priority>` ends if it is at `at` and has no leading zeros, else 0. */
function priorityEnd(bytes: DataView, at: number, end: number, priority: number): number {
  const digits = priority >= 100 ? 3 : priority >= 10 ? 2 : 1
  if (at + digits + 2 > end || bytes.getUint8(at) !== LESS) return 0
  let next = at + 1
  if (digits > 2 && bytes.getUint8(next++) !== ZERO + ((priority / 100) | 0)) return 0
  if (digits > 1 && bytes.getUint8(next++) !== ZERO + (((priority / 10) | 0) % 10)) return 0
  if (bytes.getUint8(next) !== ZERO + (priority % 10) || bytes.getUint8(next + 1) !== GREATER) return 0
  return next + 2
}

/** A decoded entry of the dictionary of shapes. */
export interface Shape {
  /** `FORMAT_RAW` … */
  readonly format: number
  readonly kept: boolean
  readonly form: number
  readonly unit: number
  readonly digits: number
  readonly fields: number
  /** Minutes east of UTC; `NO_ZONE` if there is no time. */
  readonly zone: number
  /** The bytes before each of its fields, in order, and before the message. */
  readonly gaps: readonly Uint8Array[]
}

/** Decodes an entry of the dictionary of shapes. */
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
