// Finds the output file of a message without allocating a string: the fields in the path are hashed and compared as bytes, and the
// path is rendered only for the first message with these values.
//
//   key of a message     a number for its origin and priority, if the path needs them, then the bytes of each field
//   slots                hash ─▶ key in the arena, file       linear probing of 16 slots, then the first one is replaced
//
// This is a cache: a miss costs one rendering. It is cleared at the end of every hour, since paths may contain the hour. The hash
// is seeded, so that a sender cannot craft messages that collide.

import { headersOf } from '../../common/message/headers.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { Batch, Origin, Run } from '../../common/pipeline/batch.ts'
import { HOST, MSGID, PID, PRIORITY, PROGRAM, ROW } from '../../common/pipeline/header-table.ts'
import { facilityNames, severityNames } from '../../common/message/priority.ts'
import { localIso } from './local-day.ts'
import type { OutputFile } from './output-file.ts'
import { receiptFields, receiptParts, type TemplateField } from '../template.ts'
import { renderPath, type PathTemplate } from './path-template.ts'

/** Renders a field that has no cell in the header table (`message`, `time`, structured data) as text. */
export type FieldText = (batch: Batch, i: number, run: Run, field: TemplateField) => string

const cellOf: Partial<Record<TemplateField, number>> = { host: HOST, program: PROGRAM, pid: PID, msgid: MSGID }
const originFields: readonly TemplateField[] = ['from', 'peer', 'source']

const SLOTS = 1 << 15
const NEIGHBOURS = 16
const ARENA_BYTES = 1 << 20
const KEY_HEAD_BYTES = 6
const HOUR_US = 3_600_000_000

export class FileTargets {
  readonly #template: PathTemplate
  readonly #zone: Zone
  readonly #fileAt: (path: string) => OutputFile
  readonly #fieldText: FieldText
  readonly #seed: number
  /** Header table cells of the fields in the key. */
  readonly #cells: readonly number[]
  readonly #needsPriority: boolean
  readonly #needsOrigin: boolean
  readonly #needsReceived: boolean
  /** Whether the key covers all fields of the path. If not, the path of every message is rendered. */
  readonly #isPlain: boolean
  readonly #hashes = new Int32Array(SLOTS)
  readonly #starts = new Int32Array(SLOTS)
  readonly #files: (OutputFile | undefined)[] = Array.from({ length: SLOTS }, () => undefined)
  readonly #arena = new Uint8Array(ARENA_BYTES)
  #used = 0
  readonly #origins = new Map<string, number>()
  /** Numbers of origins are not used again when the cache is cleared, which may be while messages of one are being looked up. */
  #nextOrigin = 0
  #hour = NaN
  #last: OutputFile | undefined
  #lastStart = 0

  constructor(
    template: PathTemplate,
    zone: Zone,
    seed: number,
    fileAt: (path: string) => OutputFile,
    fieldText: FieldText,
  ) {
    this.#template = template
    this.#zone = zone
    this.#seed = seed
    this.#fileAt = fileAt
    this.#fieldText = fieldText
    const { fields } = template
    this.#cells = fields.flatMap((field) => cellOf[field] ?? [])
    this.#needsPriority = fields.includes('facility') || fields.includes('severity')
    this.#needsReceived = fields.includes('received')
    const keyed = [...Object.keys(cellOf), ...originFields, ...receiptFields, 'facility', 'severity']
    this.#isPlain = fields.every((field) => keyed.includes(field))
    this.#needsOrigin = this.#isPlain && fields.some((field) => originFields.includes(field))
  }

  /** Calls `add` for each message with its file and run. */
  each(batch: Batch, add: (i: number, file: OutputFile, run: Run) => void): void {
    const table = headersOf(batch)
    this.#begin(batch)
    let i = 0
    for (const run of batch.runs) {
      const originKey = this.#needsOrigin ? this.#originKey(run.origin) : 0
      for (const end = i + run.count; i < end; i += 1) {
        const file = this.#isPlain ? this.#find(batch, table.cells, i, run, originKey) : this.#render(batch, i, run)
        add(i, file, run)
      }
    }
  }

  /** Clears the cache. Must be called when `OutputFile` objects are replaced. */
  clear(): void {
    this.#files.fill(undefined)
    this.#hashes.fill(0)
    this.#used = 0
    this.#last = undefined
    this.#origins.clear()
  }

  #begin(batch: Batch): void {
    const hour = Math.floor((batch.received + this.#zone.offsetAt(batch.received) * 60_000_000) / HOUR_US)
    if (hour === this.#hour && !this.#needsReceived) return
    this.#hour = hour
    this.clear()
  }

  #originKey(origin: Origin): number {
    const name = `${origin.source}\0${origin.peer ?? ''}`
    const known = this.#origins.get(name)
    if (known !== undefined) return known
    this.#origins.set(name, this.#nextOrigin)
    return this.#nextOrigin++
  }

  /** Writes the key of a message to the free part of the arena, and searches for an equal key. */
  #find(batch: Batch, cells: Int32Array, i: number, run: Run, originKey: number): OutputFile {
    const row = i * ROW
    const number = (originKey << 8) | (this.#needsPriority ? cells[row + PRIORITY] : 0)
    const start = this.#used
    const end = this.#writeKey(batch, cells, row, run.origin, number)
    if (end < 0) return this.#render(batch, i, run)
    if (this.#last && this.#equal(this.#lastStart, start, end)) return this.#last
    let hash = this.#seed
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ this.#arena[at], 0x01000193)
    hash ^= hash >>> 15
    const first = hash & (SLOTS - 1)
    let slot = first
    for (let n = 0; n < NEIGHBOURS; n += 1) {
      slot = (first + n) & (SLOTS - 1)
      const file = this.#files[slot]
      if (!file) return this.#add(slot, hash, start, end, batch, i, run)
      if (this.#hashes[slot] === hash && this.#equal(this.#starts[slot], start, end)) {
        this.#last = file
        this.#lastStart = this.#starts[slot]
        return file
      }
    }
    return this.#add(first, hash, start, end, batch, i, run)
  }

  #add(slot: number, hash: number, start: number, end: number, batch: Batch, i: number, run: Run): OutputFile {
    const file = this.#render(batch, i, run)
    // Rendering may have cleared the cache.
    if (this.#used !== start) return file
    this.#hashes[slot] = hash
    this.#starts[slot] = start
    this.#files[slot] = file
    this.#used = end
    this.#last = file
    this.#lastStart = start
    return file
  }

  // Layout: length of the key (2), number (4), then the length (2) and bytes of each field. Returns -1 if a field is longer than
  // 65,535 bytes, or the arena was full and has been cleared: then the path is rendered without the cache.
  #writeKey(batch: Batch, cells: Int32Array, row: number, origin: Origin, number: number): number {
    const arena = this.#arena
    const start = this.#used
    if (start + KEY_HEAD_BYTES > ARENA_BYTES) {
      this.clear()
      return -1
    }
    let at = start + 2
    arena[at++] = number
    arena[at++] = number >>> 8
    arena[at++] = number >>> 16
    arena[at++] = number >>> 24
    for (let c = 0; c < this.#cells.length; c += 1) {
      const cell = this.#cells[c]
      let bytes: Uint8Array = batch.slab.bytes
      let from = cells[row + cell]
      let to = cells[row + cell + 1]
      if ((cell === HOST && (from === to || origin.hostForced)) || (cell === PROGRAM && from === to)) {
        bytes = cell === HOST ? origin.host : origin.program
        from = 0
        to = bytes.length
      }
      const length = to - from
      if (length > 0xffff || at + length + 2 > ARENA_BYTES) {
        if (length <= 0xffff) this.clear()
        return -1
      }
      arena[at++] = length
      arena[at++] = length >>> 8
      for (let k = from; k < to; k += 1) arena[at++] = bytes[k]
    }
    arena[start] = at - start
    arena[start + 1] = (at - start) >>> 8
    return at
  }

  #equal(known: number, start: number, end: number): boolean {
    const arena = this.#arena
    for (let a = known, b = start; b < end; a += 1, b += 1) if (arena[a] !== arena[b]) return false
    return true
  }

  #render(batch: Batch, i: number, run: Run): OutputFile {
    return this.#fileAt(renderPath(this.#template, (field) => this.#text(batch, i, run, field)))
  }

  #text(batch: Batch, i: number, run: Run, field: TemplateField): string {
    const { origin } = run
    const { cells } = headersOf(batch)
    const cell = cellOf[field]
    if (cell !== undefined) {
      const from = cells[i * ROW + cell]
      const to = cells[i * ROW + cell + 1]
      if (field === 'host' && (from === to || origin.hostForced)) return origin.host.toString('utf8')
      if (field === 'program' && from === to) return origin.program.toString('utf8')
      return batch.slab.bytes.toString('utf8', from, to)
    }
    if (field === 'facility') return facilityNames[cells[i * ROW + PRIORITY] >> 3]
    if (field === 'severity') return severityNames[cells[i * ROW + PRIORITY] & 7]
    if (field === 'source') return origin.source
    if (field === 'peer' || field === 'from') return origin.peer ?? ''
    return receiptText(this.#zone, batch.received, field) ?? this.#fieldText(batch, i, run, field)
  }
}

/** The text of a field of the time of receipt (µs since the epoch) in the zone; undefined for other fields. */
function receiptText(zone: Zone, received: number, field: TemplateField): string | undefined {
  const part = receiptParts[field]
  return part && localIso(zone, received).slice(part[0], part[1])
}
