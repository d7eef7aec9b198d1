// What a search asks of an archive: blocks that can be ruled out by what is known of them, and decoded column by column.
//
//   archive ─▶ StoredBlock … (times, priorities, names, literals: nothing decoded) ─▶ open() ─▶ OpenBlock ─▶ columns

import type { Rows } from '../../common/expression/rows.ts'

/** Columns, as bits of a mask. */
export const TIMES = 1 // times and receipt
export const PRIORITIES = 2
export const HOSTS = 4
export const PROGRAMS = 8
export const PIDS = 16
export const MESSAGES = 32
/** msgid, structured data, peer, source, format and defects. */
export const OTHERS = 64
export const ALL_COLUMNS = 127

/** A block as the archive's index knows it. */
export interface StoredBlock {
  /** Messages in it. */
  readonly count: number
  /** Ascends in the order of intake, from block to block and over day files. */
  readonly order: number
  /** Earliest and latest time, µs since the epoch; receipt stands in where a time is missing or over an hour ahead. */
  readonly timeMin: number
  readonly timeMax: number
  /** Whether it has messages of this priority (facility * 8 + severity). */
  hasPriority(priority: number): boolean
  /** The distinct hosts; undefined where they are not known without reading the block. */
  readonly hosts: readonly Buffer[] | undefined
  /** The distinct programs, an empty one for messages without; undefined as above. */
  readonly programs: readonly Buffer[] | undefined
  /**
   * Whether any line (`host program[pid]: message`) may hold the literal; with `ignoreCase` it is ASCII in lower case and
   * found in any case.
   */
  mayHold(literal: Buffer, ignoreCase: boolean): boolean
  /** Throws a Fault where it cannot be read. */
  open(): OpenBlock
}

/** Texts one behind another: text i is `[starts[i], starts[i + 1])`. */
export interface Texts {
  readonly bytes: Buffer
  readonly starts: Uint32Array
}

export const NO_PID = -1
export const PID_IS_TEXT = -2

/** What lines are made of, decoded when it is asked for. */
export interface LineColumns {
  /** One for each row. */
  readonly messages: Texts
  /** For each row its pid, `NO_PID`, or `PID_IS_TEXT`: then it is the text of `pidTexts` that `pidTextNumbers` names. */
  readonly pidNumbers: Int32Array
  readonly pidTexts: Texts
  readonly pidTextNumbers: Int32Array
  /** Distinct ones, and which is each row's; an absent program is empty. */
  readonly hosts: Texts
  readonly hostIds: Uint32Array
  readonly programs: Texts
  readonly programIds: Uint32Array
}

/** A block that is being read. */
export interface OpenBlock {
  readonly count: number
  readonly lines: LineColumns
  /**
   * Decodes what is not decoded yet of the columns and returns the rows; cells of other columns hold anything. The rows'
   * times are those to sort by: receipt stands in where it must. They are valid until more columns are asked for.
   */
  rows(columns: number): Rows
  /** The message's own time, µs since the epoch; NaN where it has none. With TIMES. */
  ownTime(row: number): number
  /** When the message was received, µs since the epoch. With TIMES. */
  received(row: number): number
  /** A message's bytes as they came. */
  raw(row: number): Buffer
  /** Bytes that columns were decoded to. */
  readonly bytesDecoded: number
}
