// Sinks for tests: one that remembers what it was given, and one whose writes settle when told.

import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination, Sink } from '../../common/pipeline/sink.ts'

/** The messages of a batch as text (latin1, so that every byte is one character). */
export function textsOf(batch: Batch): string[] {
  const texts: string[] = []
  for (let i = 0; i < batch.count; i += 1) {
    texts.push(batch.slab.bytes.toString('latin1', batch.bounds[2 * i], batch.bounds[2 * i + 1]))
  }
  return texts
}

/** Remembers the text of every message, and settles at once. */
export class MemorySink implements Sink {
  readonly texts: string[] = []
  readonly batches: { readonly count: number; readonly runs: Batch['runs'] }[] = []

  write(batch: Batch): Promise<void> {
    this.texts.push(...textsOf(batch))
    this.batches.push({ count: batch.count, runs: batch.runs })
    return Promise.resolve()
  }
}

interface OpenWrite {
  readonly texts: readonly string[]
  readonly batch: Batch
  resolve(): void
  reject(reason: Error): void
}

/** Keeps every write open until the test settles it. */
export class HeldSink implements Destination {
  readonly name: string
  readonly held: OpenWrite[] = []

  constructor(name: string = 'held') {
    this.name = name
  }

  write(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.held.push({ texts: textsOf(batch), batch, resolve, reject })
    })
  }

  /** Settles the oldest open write. */
  settle(reason?: Error): void {
    const write = this.held.shift()
    if (!write) throw new Error('no write is open')
    if (reason) write.reject(reason)
    else write.resolve()
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
