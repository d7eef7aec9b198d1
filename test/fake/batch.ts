// A batch of given messages, as a source would make it.

import { DEFAULT_PRIORITY } from '../../common/message/priority.ts'
import { utc } from '../../common/message/zone.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { Slab, SlabPool } from '../../common/pipeline/slab.ts'

/** An origin of the network unless told otherwise. */
export function originOf(given: Partial<Origin> = {}): Origin {
  return {
    ...{ source: 'network', lines: 'syslog', zone: utc, host: Buffer.from('192.0.2.7'), program: Buffer.alloc(0) },
    priority: DEFAULT_PRIORITY,
    ...given,
  }
}

/** One run of these messages. `received` and `first`, when the first sluice received them if that is another, are in µs since the epoch. */
export function batchOf(
  messages: readonly (string | Buffer)[],
  origin: Origin,
  received: number,
  first?: number,
): Batch {
  const bytes = messages.map((message) => (typeof message === 'string' ? Buffer.from(message) : message))
  const total = bytes.reduce((sum, { length }) => sum + length, 0)
  const slab: Slab = new SlabPool(Math.max(total, 1) + 1024 * 1024).take(total)!
  const bounds = new Uint32Array(2 * bytes.length)
  let at = 0
  bytes.forEach((message, i) => {
    bounds[2 * i] = at
    slab.bytes.set(message, at)
    at += message.length
    bounds[2 * i + 1] = at
  })
  const run = { count: bytes.length, origin, ...(first !== undefined && { received: first }) }
  return { slab, bounds, count: bytes.length, received, runs: [run] }
}
