// The columns of a block as rows for predicates: ranges in one buffer, to which each column is appended when it is first needed.
//
//   messages │ hosts │ programs │ pids │ message ids │ structured data        as far as decoded, in order of first use
//
// Hosts, programs and message ids are dictionaries, so rows with the same value have the same range.

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
import { NO_PID, type Texts } from '../archive/columns.ts'
import type { DecodedBlock } from '../archive/decoded-block.ts'
import { writeNumber } from './line-buffer.ts'
import { HOSTS, MESSAGES, OTHERS, PIDS, PRIORITIES, PROGRAMS, TIMES, type LineColumns } from './stored-block.ts'

const NO_CELLS = new Int32Array(0)
const NO_TIMES = new Float64Array(0)
const NO_ZONES = new Int16Array(0)
const PID_BYTES_MAX = 11

export class BlockColumns implements LineColumns {
  bytesDecoded = 0
  readonly #block: DecodedBlock
  #cells: Int32Array = NO_CELLS
  #decoded = 0
  #hosts: Texts | undefined
  #hostIds: Uint32Array | undefined
  #programs: Texts | undefined
  #programIds: Uint32Array | undefined
  #pidNumbers: Int32Array | undefined
  #pidTexts: Texts | undefined
  #pidTextNumbers: Int32Array | undefined
  #messages: Texts | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #times: Float64Array = NO_TIMES
  #runs: Rows['runs']
  #rows: Rows

  constructor(block: DecodedBlock) {
    this.#block = block
    this.#runs = [{ count: block.count, origin: originOf('', undefined) }]
    this.#rows = this.#asRows()
  }

  rows(columns: number): Rows {
    const wanted = columns & ~this.#decoded
    if (wanted === 0) return this.#rows
    if (this.#cells === NO_CELLS) this.#cells = new Int32Array(this.#block.count * ROW)
    const parts: Uint8Array[] = [this.#bytes]
    const add = (bytes: Uint8Array): number => {
      const at = parts.reduce((sum, part) => sum + part.length, 0)
      parts.push(bytes)
      return at
    }
    this.#addTexts(wanted, add)
    if (wanted & OTHERS) this.#addOthers(add)
    if (wanted & TIMES) {
      this.#times = this.#block.effectiveTimes
      this.bytesDecoded += this.#times.byteLength
    }
    if (wanted & PRIORITIES) {
      const { priorities } = this.#block
      this.bytesDecoded += priorities.length
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
    if (wanted & MESSAGES) this.#range(MESSAGE, this.messages, undefined, add)
    if (wanted & PIDS) this.#range(PID, this.#writePids(), undefined, add)
    if (wanted & HOSTS) this.#range(HOST, block.hosts, block.hostIds, add)
    if (wanted & PROGRAMS) this.#range(PROGRAM, block.programs, block.programIds, add)
  }

  /** Sets the ranges of a field: row i has text i, or text `ids[i]` if there are `ids`. */
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

  get count(): number {
    return this.#block.count
  }

  get messages(): Texts {
    return (this.#messages ??= this.#counted(this.#block.messages))
  }

  get hosts(): Texts {
    return (this.#hosts ??= this.#block.hosts)
  }

  get hostIds(): Uint32Array {
    return (this.#hostIds ??= this.#block.hostIds)
  }

  get programs(): Texts {
    return (this.#programs ??= this.#block.programs)
  }

  get programIds(): Uint32Array {
    return (this.#programIds ??= this.#block.programIds)
  }

  get pidNumbers(): Int32Array {
    return (this.#pidNumbers ??= this.#block.pids.numbers)
  }

  get pidTexts(): Texts {
    return (this.#pidTexts ??= this.#block.pids.texts)
  }

  get pidTextNumbers(): Int32Array {
    return (this.#pidTextNumbers ??= this.#block.pidTextNumbers)
  }

  /** All pids as text; predicates compare text. */
  #writePids(): Texts {
    const { pids, pidTextNumbers, count } = this.#block
    const { numbers, texts } = pids
    const bytes = Buffer.allocUnsafeSlow(count * PID_BYTES_MAX + texts.bytes.length)
    const starts = new Uint32Array(count + 1)
    let at = 0
    for (let i = 0; i < count; i += 1) {
      const pid = numbers[i]
      if (pid >= 0) at = writeNumber(pid, bytes, at)
      else if (pid !== NO_PID) {
        const text = pidTextNumbers[i]
        at += texts.bytes.copy(bytes, at, texts.starts[text], texts.starts[text + 1])
      }
      starts[i + 1] = at
    }
    return this.#counted({ bytes: bytes.subarray(0, at), starts })
  }

  #counted(texts: Texts): Texts {
    this.bytesDecoded += texts.bytes.length
    return texts
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

/** An origin without a host and program of its own: those of a stored message are in its columns. */
function originOf(source: string, peer: string | undefined): Origin {
  const none = Buffer.alloc(0)
  const origin: Origin = { source, lines: 'syslog', zone: utc, host: none, program: none, priority: 0 }
  return peer === undefined ? origin : { ...origin, peer }
}
