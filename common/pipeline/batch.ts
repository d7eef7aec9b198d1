// A batch is the unit that flows through the pipeline: messages that arrived together, stored as bytes one after
// another in one slab.
//
//   slab    …│<34>Oct 11 22:14:15 a su: x│\n│<13>Oct 11 22:14:16 a cron: y│\n│…
//   bounds    [0,                     [1            [2                      [3
//   runs     [{ count: 2, origin: 192.0.2.7 }, …]
//
// Lifetime: a batch is borrowed. Its creator keeps it alive until the promise of `sink.write(batch)` settles and then
// calls `releaseBatch`. A sink may read the batch until it settles that promise, and never after.

import type { Zone } from '../message/zone.ts'
import { copyRow, defectMasks, giveBackHeaderTable, ROW, takeHeaderTable, type HeaderTable } from './header-table.ts'
import type { Slab } from './slab.ts'

/**
 * Where consecutive messages came from, and the defaults for fields that they lack. There is one object per
 * connection or file, also for those of the sluice before this one: what is derived from an origin is cached by its identity.
 */
export interface Origin {
  /** Name of the source in the configuration of the first sluice that received the message. */
  readonly source: string
  /** Address of the peer as text, without the port; absent for messages read on this machine. */
  readonly peer?: string
  /**
   * How messages are parsed (`message/parse.ts`): `syslog`, even without a PRI; `text`, a line that is plain text
   * unless it looks like syslog; `local`, a message that a program wrote to the syslog socket of its own host,
   * without a host name.
   */
  readonly lines: 'syslog' | 'text' | 'local'
  /** The zone for timestamps that carry none. */
  readonly zone: Zone
  /** The host of messages whose header names none. */
  readonly host: Buffer
  /** Whether `host` also replaces the host that a message names (`keep_host: false`). */
  readonly hostForced?: boolean
  /** The program of lines without a header; empty if there is none. */
  readonly program: Buffer
  /** The priority of lines without a PRI. */
  readonly priority: number
}

/**
 * The range of a stream that a run covers, so that it can be read again. Positions are byte offsets of the original,
 * or counts; they never go back.
 */
export interface StreamRange {
  /** 128 random bits as 32 hexadecimal digits. */
  readonly id: string
  /** Position before the first message. */
  readonly from: number
  /** Position after the last message, including anything that followed it and was not selected by a route. */
  readonly to: number
  /** `ends[i]` is the position after message i of the run, relative to `from`. */
  readonly ends: Float64Array | Uint32Array
}

/** Consecutive messages of one sender. */
export interface Run {
  readonly count: number
  readonly origin: Origin
  /** When the first sluice on the path received it, µs since the epoch; absent if that is this one: use `receivedOf`. */
  readonly received?: number
  readonly stream?: StreamRange
}

/** Messages that arrived together, one after another in one block of bytes. */
export interface Batch {
  readonly slab: Slab
  /** Message i is `[bounds[2i], bounds[2i+1])` of the slab. */
  readonly bounds: Uint32Array
  readonly count: number
  /** When this process received it, µs since the epoch. */
  readonly received: number
  readonly runs: readonly Run[]
  /** Defects that framing found: one bit mask (`message/defects.ts`) per message; absent if there are none. */
  readonly marks?: Uint32Array
  /**
   * The sender has a small window and waits for the acknowledgement. So this batch is not delayed to be joined with
   * others for larger writes and fewer syncs.
   */
  readonly awaited?: true
  /** Its source has split it at every LF, so that no message contains one. Absent if that is not known. */
  readonly singleLines?: true
  /** Header fields, parsed on first use (`message/headers.ts`). */
  headers?: HeaderTable | undefined
  /**
   * Defects found by another thread that parsed the headers: one bit mask per message; absent if there are none. Set
   * before the write settles.
   */
  defects?: Uint32Array | undefined
  /** How many of its messages at least one destination rejected. Set by the router before the write rejects. */
  rejected?: number
}

/** When the first sluice on the path received the messages of a run of the batch, µs since the epoch. */
export const receivedOf = (batch: Batch, run: Run): number => run.received ?? batch.received

/** Ends the life of a batch: releases its slab and returns its header table to the pool. */
export function releaseBatch(batch: Batch): void {
  dropHeaders(batch)
  batch.slab.release()
}

function dropHeaders(batch: Batch): void {
  if (!batch.headers) return
  giveBackHeaderTable(batch.headers)
  batch.headers = undefined
}

/** The known defects of each message, as bit masks; undefined if there are none or the headers have not been parsed. */
export function knownDefects(batch: Batch): Uint32Array | undefined {
  return batch.headers ? defectMasks(batch.headers) : batch.defects
}

/** Total bytes of the messages, without separators between them. */
export function batchBytes(batch: Batch): number {
  const { bounds, count } = batch
  let bytes = 0
  for (let i = 0; i < 2 * count; i += 2) bytes += bounds[i + 1] - bounds[i]
  return bytes
}

// Measured overhead in bytes: bounds, positions and header row of a message; a run; its stream and its origin.
const MESSAGE_FACTS = 96
const RUN_FACTS = 48
const STREAM_FACTS = 256

/**
 * How much a batch counts towards memory bounds: the bytes of its messages, or the size of the metadata about them if
 * that is larger. A peer can pack a hundred thousand empty messages, or ten thousand runs, into a hundred bytes.
 */
export function batchWeight(batch: Batch): number {
  let facts = MESSAGE_FACTS * batch.count
  for (const { stream, received } of batch.runs) {
    facts += stream || received !== undefined ? RUN_FACTS + STREAM_FACTS : RUN_FACTS
  }
  return Math.max(batchBytes(batch), facts)
}

/**
 * Whether any run has a stream. If so, even an empty selection of the batch must be passed on, so that marks advance.
 */
export function hasStream(batch: Batch): boolean {
  return batch.runs.some((run) => run.stream !== undefined)
}

/**
 * Returns the messages i with `selected[i] !== 0` as a batch of its own in the same slab, or a copy of the batch if
 * all are selected. Runs keep their whole stream range, even if none of their messages is selected, so that marks
 * advance. The result retains the slab: release it like any batch, and before the original.
 */
export function selectMessages(batch: Batch, selected: Uint8Array): Batch {
  let count = 0
  for (let i = 0; i < batch.count; i += 1) if (selected[i] !== 0) count += 1
  batch.slab.retain()
  if (count === batch.count) return { ...batch, headers: batch.headers && copyHeaders(batch.headers) }

  const bounds = new Uint32Array(2 * count)
  const marks = batch.marks && new Uint32Array(count)
  const headers = batch.headers && takeHeaderTable(count)
  const runs: Run[] = []
  let at = 0
  let first = 0
  for (const run of batch.runs) {
    const end = first + run.count
    const start = at
    for (let i = first; i < end; i += 1) {
      if (selected[i] === 0) continue
      bounds[2 * at] = batch.bounds[2 * i]
      bounds[2 * at + 1] = batch.bounds[2 * i + 1]
      if (marks) marks[at] = batch.marks[i]
      if (headers && batch.headers) copyRow(batch.headers, i, headers, at)
      at += 1
    }
    const kept = at - start
    if (kept === run.count) runs.push(run)
    else if (run.stream) runs.push({ ...run, count: kept, stream: selectEnds(run.stream, selected, first, kept) })
    else if (kept > 0) runs.push({ ...run, count: kept })
    first = end
  }
  return { ...batch, bounds, count, runs, ...(marks && { marks }), headers, defects: undefined }
}

function selectEnds(stream: StreamRange, selected: Uint8Array, first: number, kept: number): StreamRange {
  const ends = new Float64Array(kept)
  for (let i = 0, at = 0; at < kept; i += 1) if (selected[first + i] !== 0) ends[at++] = stream.ends[i]
  return { ...stream, ends }
}

function copyHeaders(from: HeaderTable): HeaderTable {
  const to = takeHeaderTable(from.count)
  to.cells.set(from.cells.subarray(0, from.count * ROW))
  to.times.set(from.times.subarray(0, from.count))
  to.zones.set(from.zones.subarray(0, from.count))
  return to
}
