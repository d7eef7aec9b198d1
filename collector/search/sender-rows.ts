// The rows of one block by host and program, in time order: where the neighbours of a match are looked for.
//
//   rows    │ 3 9 12 │ 0 4 │ 1 2 5 │ …     one array for all senders; an array for each took 200 bytes more
//   starts  0        3     5       8

import type { Texts } from '../archive/columns.ts'
import type { Senders } from './block-caches.ts'
import { sortRows } from './timeline.ts'

const NO_ROWS = new Uint32Array(0)
/** What is kept of each row, sender and name, roughly. */
const ROW_BYTES = 4
const SENDER_BYTES = 48
const NAME_BYTES = 100

export class SenderRows {
  readonly bytes: number
  readonly #rows: Uint32Array
  readonly #starts: Uint32Array
  /** By the number of a host and a program, the place of its start. */
  readonly #places = new Map<number, number>()
  readonly #hosts: ReadonlyMap<string, number>
  readonly #programs: ReadonlyMap<string, number>
  readonly #programsMax: number

  /** The rows with `times[row]` in `[since, until]`. */
  constructor({ hosts, hostIds, programs, programIds }: Senders, times: Float64Array, since: number, until: number) {
    this.#hosts = idsOf(hosts)
    this.#programs = idsOf(programs)
    this.#programsMax = programs.starts.length
    const placeOf = (row: number): number => {
      const sender = this.#senderOf(hostIds[row], programIds[row])
      const place = this.#places.get(sender) ?? this.#places.size
      if (place === this.#places.size) this.#places.set(sender, place)
      return place
    }
    const places = new Uint32Array(times.length)
    const counts: number[] = []
    const isTimely = (row: number) => times[row] >= since && times[row] <= until
    for (let row = 0; row < times.length; row += 1) {
      if (!isTimely(row)) continue
      const place = (places[row] = placeOf(row))
      counts[place] = (counts[place] ?? 0) + 1
    }
    this.#starts = new Uint32Array(counts.length + 1)
    counts.forEach((count, place) => (this.#starts[place + 1] = this.#starts[place] + count))
    this.#rows = new Uint32Array(this.#starts[counts.length])
    const next = this.#starts.slice()
    for (let row = 0; row < times.length; row += 1) if (isTimely(row)) this.#rows[next[places[row]]++] = row
    for (let place = 0; place < counts.length; place += 1) sortRows(this.#at(place), times)
    this.bytes =
      ROW_BYTES * this.#rows.length +
      SENDER_BYTES * counts.length +
      NAME_BYTES * (this.#hosts.size + this.#programs.size)
  }

  /** The rows of a host and a program, given as latin1. */
  of(host: string, program: string): Uint32Array {
    const hostId = this.#hosts.get(host)
    const programId = this.#programs.get(program)
    if (hostId === undefined || programId === undefined) return NO_ROWS
    const place = this.#places.get(this.#senderOf(hostId, programId))
    return place === undefined ? NO_ROWS : this.#at(place)
  }

  #senderOf(hostId: number, programId: number): number {
    return hostId * this.#programsMax + programId
  }

  #at(place: number): Uint32Array {
    return this.#rows.subarray(this.#starts[place], this.#starts[place + 1])
  }
}

function idsOf({ bytes, starts }: Texts): Map<string, number> {
  const ids = new Map<string, number>()
  for (let id = 0; id < starts.length - 1; id += 1) ids.set(bytes.toString('latin1', starts[id], starts[id + 1]), id)
  return ids
}
