// The interface between a search and an archive: blocks that are ruled out by their summaries, or else decoded column by column.
//
//   archive ─▶ StoredBlock (summary and index: nothing is decoded) ─▶ open() ─▶ OpenBlock ─▶ columns, on first use

import type { Rows } from '../../common/expression/rows.ts'
import type { Texts } from '../archive/columns.ts'

/** Columns as bits. TIMES stands for effective times, the messages' own times and the times of receipt. */
export const TIMES = 1
export const PRIORITIES = 2
export const HOSTS = 4
export const PROGRAMS = 8
export const PIDS = 16
export const MESSAGES = 32
/** msgid, structured data, peer, source, format and defects. */
export const OTHERS = 64
export const ALL_COLUMNS = 127

/** A block that has not been read: its summary and its index. */
export interface StoredBlock {
  /** Number of messages. */
  readonly count: number
  /** Ascending in intake order, across the parts of an archive. */
  readonly order: number
  /** Earliest and latest effective time, µs since the epoch. */
  readonly timeMin: number
  readonly timeMax: number
  /** Whether it may have messages of this priority (facility * 8 + severity). */
  hasPriority(priority: number): boolean
  /** The distinct hosts; undefined if they are not known without reading the block. */
  readonly hosts: readonly Buffer[] | undefined
  /** The distinct programs, of which an empty one stands for none; undefined if they are not known without reading the block. */
  readonly programs: readonly Buffer[] | undefined
  /**
   * Whether any match line may contain the literal; false is certain. With `ignoreCase` the literal is ASCII in lower case, and
   * matches in any case.
   */
  mayHold(literal: Buffer, ignoreCase: boolean): boolean
  /** Reads the block. Throws a Fault if it cannot be read. */
  open(): OpenBlock
}

/** The columns that match lines are assembled from, each decoded on first use. */
export interface LineColumns {
  /** Text i is the message of row i. */
  readonly messages: Texts
  /** For each row its pid, `NO_PID`, or `PID_IS_TEXT`: then the pid is the text of `pidTexts` with the index in `pidTextNumbers`. */
  readonly pidNumbers: Int32Array
  readonly pidTexts: Texts
  readonly pidTextNumbers: Int32Array
  /** The distinct hosts and programs, and for each row the index of its own; an absent program is an empty text. */
  readonly hosts: Texts
  readonly hostIds: Uint32Array
  readonly programs: Texts
  readonly programIds: Uint32Array
}

/** A block that has been read, whose columns are decoded on first use. */
export interface OpenBlock {
  readonly count: number
  readonly lines: LineColumns
  /**
   * Decodes those of the columns that are not decoded yet, and returns the rows, with effective times. The cells of all other columns
   * have arbitrary values. The result is valid until `rows` is called for further columns.
   */
  rows(columns: number): Rows
  /** The message's own time, µs since the epoch; NaN if it has none. Call `rows(TIMES)` first. */
  ownTime(row: number): number
  /** When the message was received, µs since the epoch. Call `rows(TIMES)` first. */
  received(row: number): number
  /** A message's bytes as they came. */
  raw(row: number): Buffer
  /** Total size of the decoded columns in bytes. */
  readonly bytesDecoded: number
}
