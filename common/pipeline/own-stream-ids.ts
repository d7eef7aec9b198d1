// Gives streams other ids behind a destination, derived from its name and their own.
//
//   stream s ──▶ router ──▶ forward a ──▶ stream s ─────┐
//                     └───▶ forward b ──▶ stream b(s) ──┴──▶ one server
//
// Routes give several forwards different messages of a stream, but each of them all of its positions. A server that receives them
// through both under one id would take what comes second for repeats, and not store it. A spool needs none of this: it is a stream of its
// own.

import { createHash } from 'node:crypto'
import { DERIVED_IDS_MAX } from '../limits.ts'
import type { Batch } from './batch.ts'
import type { Destination, StreamMarks } from './sink.ts'

export class OwnStreamIds implements Destination {
  readonly name: string
  readonly streams: StreamMarks | undefined
  readonly #destination: Destination
  readonly #ids = new Map<string, string>()

  constructor(destination: Destination) {
    this.name = destination.name
    this.#destination = destination
    const { streams } = destination
    if (!streams) return
    this.streams = {
      marks: async (ids) => {
        const marks = await streams.marks(ids.map((id) => this.#idOf(id)))
        return new Map(
          ids.flatMap((id): [string, number][] => {
            const position = marks.get(this.#idOf(id))
            return position === undefined ? [] : [[id, position]]
          }),
        )
      },
      retire: (ids) => streams.retire(ids.map((id) => this.#idOf(id))),
    }
  }

  get dropped(): number {
    return this.#destination.dropped ?? 0
  }

  open(): Promise<void> {
    return this.#destination.open()
  }

  async write(batch: Batch): Promise<void> {
    const runs = batch.runs.map((run) =>
      run.stream ? { ...run, stream: { ...run.stream, id: this.#idOf(run.stream.id) } } : run,
    )
    const renamed: Batch = { ...batch, runs }
    try {
      await this.#destination.write(renamed)
    } finally {
      // What was parsed meanwhile is needed by whoever reads the batch next.
      batch.headers ??= renamed.headers
      batch.defects ??= renamed.defects
    }
  }

  close(deadlineMs: number): Promise<void> {
    return this.#destination.close(deadlineMs)
  }

  #idOf(id: string): string {
    let own = this.#ids.get(id)
    if (own === undefined) {
      if (this.#ids.size >= DERIVED_IDS_MAX) this.#ids.clear()
      own = createHash('sha256').update(`${this.name} ${id}`).digest('hex').slice(0, id.length)
      this.#ids.set(id, own)
    }
    return own
  }
}
