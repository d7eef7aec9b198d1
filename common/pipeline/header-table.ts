// The header fields of a batch's messages as byte ranges: a table of integers with one row per message.
//
//   row i, at cells[i * ROW]:
//   ┌─────┬─────┬───────────┬───────────┬───────────┬───────────┬───────────┬───────────┬───────────┐
//   │ pri │ kind│ time a,b  │ host a,b  │program a,b│ pid a,b   │ msgid a,b │ sd a,b    │message a,b│
//   └─────┴─────┴───────────┴───────────┴───────────┴───────────┴───────────┴───────────┴───────────┘
//
// Ranges are half open and point into the batch's slab; start == end means that the field is absent. This module
// defines the layout only; `message/parse.ts` fills it. Tables are pooled, since every batch needs one and none
// outlives its batch.

/** Cells of a row. */
export const ROW = 16

/** Facility * 8 + severity (RFC 5424 §6.2.1), 0 to 191; the origin's default if the message has no PRI. */
export const PRIORITY = 0
/** Bits 0–1: the format (`FORMAT_RAW` …); from bit 8 on: the defects of `message/defects.ts`. */
export const KIND = 1
/** Each of these is the cell of a range's start; the next cell has its end. */
export const TIME = 2
export const HOST = 4
export const PROGRAM = 6
export const PID = 8
export const MSGID = 10
export const STRUCTURED_DATA = 12
export const MESSAGE = 14

/** The two cells before this one are numbers; all cells from here on belong to ranges. */
export const FIRST_RANGE = KIND + 1

export const FORMAT_RAW = 0
export const FORMAT_RFC3164 = 1
export const FORMAT_RFC5424 = 2
export const FORMAT_MASK = 3
export const DEFECTS_SHIFT = 8

/** Value in `zones` of a message without a time. */
export const NO_ZONE = -32768

export interface HeaderTable {
  /** Rows in use. */
  count: number
  /** `ROW` cells per message. */
  cells: Int32Array
  /** The message's own time, µs since the epoch; NaN if it has no valid one. */
  times: Float64Array
  /**
   * The offset, in minutes east of UTC, that the time was written with or resolved with; `NO_ZONE` if there is no
   * time.
   */
  zones: Int16Array
}

/** The defects of each row, as bit masks; undefined if no row has any. */
export function defectMasks({ cells, count }: HeaderTable): Uint32Array | undefined {
  let masks: Uint32Array | undefined
  for (let i = 0; i < count; i += 1) {
    const mask = cells[i * ROW + KIND] >>> DEFECTS_SHIFT
    if (mask === 0) continue
    masks ??= new Uint32Array(count)
    masks[i] = mask
  }
  return masks
}

// A table has room for a power of two of rows: `spare[n]` are those for 2 ** n. A batch holds its table until it is stored, and
// hundreds of connections with a few messages each have as many batches on their way: with room for 256 rows in every
// table, those of ten messages took most of the memory, and most of them were not pooled.
const ROOM_MIN = 16
const ROOM_LOG_MAX = 14
const SPARE_ROWS_MAX = 524_288
const spare: HeaderTable[][] = Array.from({ length: ROOM_LOG_MAX + 1 }, () => [])
let spareRows = 0

/** A pooled or new table with room for `count` rows. Its cells may hold old values. */
export function takeHeaderTable(count: number): HeaderTable {
  const log = roomLog(count)
  const table = log <= ROOM_LOG_MAX ? spare[log].pop() : undefined
  if (!table) return newHeaderTable(count, 2 ** log)
  spareRows -= 2 ** log
  table.count = count
  return table
}

const roomLog = (rows: number) => 32 - Math.clz32(Math.max(rows, ROOM_MIN) - 1)

/** A new table with room for `room` rows. The caller may keep it or give it back. */
export function newHeaderTable(count: number, room = count): HeaderTable {
  return { count, cells: new Int32Array(room * ROW), times: new Float64Array(room), zones: new Int16Array(room) }
}

/** Copies row i to row `at` of another table, whose slab has the message `shift` bytes further on. */
export function copyRow(from: HeaderTable, i: number, to: HeaderTable, at: number, shift = 0): void {
  const [source, target] = [i * ROW, at * ROW]
  for (let cell = 0; cell < FIRST_RANGE; cell += 1) to.cells[target + cell] = from.cells[source + cell]
  for (let cell = FIRST_RANGE; cell < ROW; cell += 1) to.cells[target + cell] = from.cells[source + cell] + shift
  to.times[at] = from.times[i]
  to.zones[at] = from.zones[i]
}

/** Returns a table to the pool. It must not be read afterwards. */
export function giveBackHeaderTable(table: HeaderTable): void {
  const room = table.times.length
  const log = roomLog(room)
  if (log > ROOM_LOG_MAX || room !== 2 ** log || spareRows + room > SPARE_ROWS_MAX) return
  spareRows += room
  spare[log].push(table)
}
