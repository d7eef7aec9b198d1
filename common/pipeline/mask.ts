// `mask:` of a route: what its regular expressions match is overwritten with `*` in a copy, before the destinations
// of that route see it.
//
//   <38>Oct 11 22:14:15 web-1 login: user=ann password=hunter2 ok      /password=[^ ]+/
//   <38>Oct 11 22:14:15 web-1 login: user=ann **************** ok
//
// The message text and the structured data are searched. Header fields decide where a message goes, so they stay.
// Lengths do not change, so stream positions and bounds stay valid. The copy lies in another slab, since other
// destinations may read the original bytes.

import type { ByteRegex } from '../expression/regex/byte-regex.ts'
import { headersOf } from '../message/headers.ts'
import { batchBytes, type Batch } from './batch.ts'
import { MESSAGE, ROW, STRUCTURED_DATA } from './header-table.ts'
import type { Mask } from './router.ts'
import { SharedSlab } from './shared-slab.ts'
import type { SlabPool } from './slab.ts'

const STAR = 0x2a
/** The delimiters of structured data (RFC 5424 §6.3) are not masked, so that the copy parses like the original. */
const STRUCTURE = Buffer.from('[]"\\= ')

/** Returns a function that makes masked copies. A copy is released like any batch, and does not need the original. */
export function maskWith(patterns: readonly ByteRegex[], slabs: SlabPool): Mask {
  const shared = new SharedSlab(slabs)
  return (batch, of) => {
    const copy = copyOf(batch, shared)
    const { bytes } = batch.slab
    const { cells } = headersOf(batch)
    for (let i = 0; i < batch.count; i += 1) {
      if (of?.[i] === 0) continue
      const row = i * ROW
      const shift = copy.bounds[2 * i] - batch.bounds[2 * i]
      for (const pattern of patterns) {
        const texts = pattern.findAll(bytes, cells[row + MESSAGE], cells[row + MESSAGE + 1])
        for (let at = 0; at < 2 * texts; at += 2) {
          copy.slab.bytes.fill(STAR, pattern.matches[at] + shift, pattern.matches[at + 1] + shift)
        }
        const [start, end] = [cells[row + STRUCTURED_DATA], cells[row + STRUCTURED_DATA + 1]]
        const values = start === end ? 0 : pattern.findAll(bytes, start, end)
        for (let at = 0; at < 2 * values; at += 2) {
          maskValues(copy.slab.bytes, pattern.matches[at] + shift, pattern.matches[at + 1] + shift)
        }
      }
    }
    return copy
  }
}

/** Copies the messages one after another into another slab. */
function copyOf(batch: Batch, slabs: SharedSlab): Batch {
  const { slab, at } = slabs.take(batchBytes(batch), true)
  const bounds = new Uint32Array(2 * batch.count)
  for (let i = 0, used = at; i < bounds.length; i += 2) {
    bounds[i] = used
    used += batch.slab.bytes.copy(slab.bytes, used, batch.bounds[i], batch.bounds[i + 1])
    bounds[i + 1] = used
  }
  return { ...batch, slab, bounds, headers: undefined }
}

function maskValues(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at += 1) if (!STRUCTURE.includes(bytes[at])) bytes[at] = STAR
}
