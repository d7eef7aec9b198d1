// Builds batches for the tests of this folder.

import { utc } from '../../common/message/zone.ts'
import type { Batch, Origin, Run } from '../../common/pipeline/batch.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'

export function origin(source: string): Origin {
  return {
    source,
    lines: 'syslog',
    zone: utc,
    host: Buffer.from('localhost'),
    program: Buffer.alloc(0),
    priority: 13,
  }
}

interface Part {
  readonly texts: readonly string[]
  readonly source?: string
  /** Makes the run a range of a stream that begins at this position; every message ends ten further on. */
  readonly from?: number
  /** The id of the stream; `STREAM` by default. */
  readonly id?: string
}

/** The stream of runs without an `id`. */
export const STREAM = 'a'.repeat(32)

/** Returns a batch of these runs in a slab of `pool`; the characters of the texts are bytes (latin1). */
export function batch(parts: readonly Part[], pool: SlabPool = new SlabPool(), received: number = 0): Batch {
  const slab = pool.take(parts.reduce((sum, { texts }) => sum + texts.join('').length, 0))!
  const bounds: number[] = []
  const runs: Run[] = []
  let used = 0
  for (const { texts, source = 'network', from, id = STREAM } of parts) {
    for (const text of texts) {
      const end = used + slab.bytes.write(text, used, 'latin1')
      bounds.push(used, end)
      used = end
    }
    const ends = Float64Array.from(texts, (_, i) => 10 * (i + 1))
    const stream = from === undefined ? undefined : { id, from, to: from + 10 * texts.length, ends }
    runs.push({ count: texts.length, origin: origin(source), ...(stream && { stream }) })
  }
  return { slab, bounds: Uint32Array.from(bounds), count: bounds.length / 2, received, runs }
}
