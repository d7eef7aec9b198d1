// A block's columns as rows: ranges in one buffer, to which each column that is asked for is added behind the others.
//
//   messages │ hosts │ programs │ pids │ message ids │ structured data        as far as they are decoded
//
// Hosts, programs and message ids are dictionaries: rows with the same one have the same range.

import type { Rows } from '../../common/expression/rows.ts'
import { utc } from '../../common/message/zone.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import {
  DEFECTS_SHIFT,
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
} from '../../common/pipeline/header-table.ts'
import type { DecodedBlock, Texts } from '../archive/decoded-block.ts'
import { HOSTS, MESSAGES, OTHERS, PIDS, PRIORITIES, PROGRAMS, TIMES } from './stored-block.ts'

const NO_TIMES = new Float64Array(0)
const NO_ZONES = new Int16Array(0)
const PID_BYTES_MAX = 11

export class BlockColumns {
  bytesDecoded = 0
  readonly #block: DecodedBlock
  readonly #cells: Int32Array
  #decoded = 0
  #bytes: Buffer = Buffer.alloc(0)
  #times: Float64Array = NO_TIMES
  #runs: Rows['runs']
  #rows: Rows

  constructor(block: DecodedBlock) {
    this.#block = block
    this.#cells = new Int32Array(block.count * ROW)
    this.#runs = [{ count: block.count, origin: originOf('', undefined) }]
    this.#rows = this.#asRows()
  }

  rows(columns: number): Rows {
    const wanted = columns & ~this.#decoded
    if (wanted === 0) return this.#rows
    const parts: Uint8Array[] = [this.#bytes]
    const add = (bytes: Uint8Array): number => {
      const at = parts.reduce((sum, part) => sum + part.length, 0)
      parts.push(bytes)
      this.bytesDecoded += bytes.length
      return at
    }
    this.#addTexts(wanted, add)
    if (wanted & PIDS) this.#addPids(add)
    if (wanted & OTHERS) this.#addOthers(add)
    if (wanted & TIMES) this.#times = this.#block.effectiveTimes
    if (wanted & PRIORITIES) {
      const { priorities } = this.#block
      for (let i = 0, cell = PRIORITY; i < priorities.length; i += 1, cell += ROW) this.#cells[cell] = priorities[i]
    }
    if (parts.length > 1) this.#bytes = Buffer.concat(parts)
    this.#decoded |= wanted
    this.#rows = this.#asRows()
    return this.#rows
  }

  ownTime(row: number): number {
    return this.#block.times[row]
  }

  received(row: number): number {
    return this.#block.received[row]
  }

  raw(row: number): Buffer {
    return this.#block.raw(row)
  }

  #asRows(): Rows {
    const { count } = this.#block
    const table: HeaderTable = { count, cells: this.#cells, times: this.#times, zones: NO_ZONES }
    const { cells } = table
    return {
      ...{ count, bytes: this.#bytes, table, runs: this.#runs, received: Infinity, now: NaN },
      writePriorities: (into) => {
        for (let i = 0, cell = PRIORITY; i < count; i += 1, cell += ROW) into[i] = cells[cell]
      },
    }
  }

  #addTexts(wanted: number, add: (bytes: Uint8Array) => number): void {
    const block = this.#block
    if (wanted & MESSAGES) this.#range(MESSAGE, block.messages, undefined, add)
    if (wanted & HOSTS) this.#range(HOST, block.hosts, block.hostIds, add)
    if (wanted & PROGRAMS) this.#range(PROGRAM, block.programs, block.programIds, add)
  }

  /** Sets a field's ranges: text i for row i, or the one that `ids` names. */
  #range(field: number, texts: Texts, ids: Uint32Array | undefined, add: (bytes: Uint8Array) => number): void {
    const at = add(texts.bytes)
    const cells = this.#cells
    const { starts } = texts
    const { count } = this.#block
    for (let i = 0, cell = field; i < count; i += 1, cell += ROW) {
      const text = ids ? ids[i] : i
      cells[cell] = at + starts[text]
      cells[cell + 1] = at + starts[text + 1]
    }
  }

  #addPids(add: (bytes: Uint8Array) => number): void {
    const { pids, pidTextNumbers, count } = this.#block
    const { numbers, texts } = pids
    const digits = Buffer.allocUnsafeSlow(count * PID_BYTES_MAX)
    const cells = this.#cells
    const textsAt = add(texts.bytes)
    const digitsAt = textsAt + texts.bytes.length
    let at = 0
    for (let i = 0, cell = PID; i < count; i += 1, cell += ROW) {
      const pid = numbers[i]
      if (pid >= 0) {
        cells[cell] = digitsAt + at
        at = writeNumber(pid, digits, at)
        cells[cell + 1] = digitsAt + at
      } else if (texts.bytes.length > 0 && pid !== NO_PID) {
        cells[cell] = textsAt + texts.starts[pidTextNumbers[i]]
        cells[cell + 1] = textsAt + texts.starts[pidTextNumbers[i] + 1]
      }
    }
    add(digits.subarray(0, at))
  }

  #addOthers(add: (bytes: Uint8Array) => number): void {
    const block = this.#block
    this.#range(MSGID, block.msgids, block.msgidIds, add)
    this.#range(STRUCTURED_DATA, block.structuredData, undefined, add)
    const { shapes, shapeIds, defects, origins, originIds, count } = block
    const known = origins.map(({ source, peer }) => originOf(source, peer))
    const runs: { count: number; origin: Origin }[] = []
    for (let i = 0, cell = KIND; i < count; i += 1, cell += ROW) {
      this.#cells[cell] = shapes[shapeIds[i]].format | (defects[i] << DEFECTS_SHIFT)
      const origin = known[originIds[i]]
      const last = runs.at(-1)
      if (last?.origin === origin) last.count += 1
      else runs.push({ count: 1, origin })
    }
    this.#runs = runs
  }
}

const NO_PID = -1

function writeNumber(value: number, to: Buffer, at: number): number {
  let scale = 1
  while (value >= 10 * scale) scale *= 10
  for (let rest = value; scale >= 1; scale = Math.floor(scale / 10)) {
    const digit = Math.floor(rest / scale)
    to[at++] = 0x30 + digit
    rest -= digit * scale
  }
  return at
}

/** Host and program of a stored message stand in its columns: nothing of the origin stands in for them. */
function originOf(source: string, peer: string | undefined): Origin {
  const none = Buffer.alloc(0)
  const origin: Origin = { source, lines: 'syslog', zone: utc, host: none, program: none, priority: 0 }
  return peer === undefined ? origin : { ...origin, peer }
}
