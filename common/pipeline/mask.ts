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
  return (batch, of, copy = copyOf(batch, shared)) => {
    const { bytes } = batch.slab
    const texts = textsOf(batch, of)
    const { count } = texts
    const hits = new Uint8Array(count)
    for (const pattern of patterns) {
      // Looks for the text that all matches have in common in all messages at once: most of them do not contain it, and
      // a look for the bounds of matches reads every byte of a message by itself.
      pattern.testEach(bytes, texts.bounds, count, hits)
      for (let i = hits.indexOf(1); i >= 0; i = hits.indexOf(1, i + 1)) {
        const found = pattern.findAll(bytes, texts.bounds[2 * i], texts.bounds[2 * i + 1])
        const message = texts.messages[i]
        const shift = copy.bounds[2 * message] - batch.bounds[2 * message]
        const overwrite = texts.structured[i] === 0 ? maskText : maskValues
        for (let at = 0; at < 2 * found; at += 2) {
          overwrite(copy.slab.bytes, pattern.matches[at] + shift, pattern.matches[at + 1] + shift)
        }
      }
    }
    return copy
  }
}

/** The texts to be searched, in the order in which they lie in the slab: structured data and the text of each message. */
interface Texts {
  readonly count: number
  readonly bounds: Uint32Array
  /** Of which message text i is. */
  readonly messages: Uint32Array
  /** 1 if text i is structured data. */
  readonly structured: Uint8Array
}

function textsOf(batch: Batch, of: Uint8Array | undefined): Texts {
  const { cells } = headersOf(batch)
  const bounds = new Uint32Array(4 * batch.count)
  const messages = new Uint32Array(2 * batch.count)
  const structured = new Uint8Array(2 * batch.count)
  let count = 0
  for (let i = 0; i < batch.count; i += 1) {
    if (of?.[i] === 0) continue
    const row = i * ROW
    for (const cell of [STRUCTURED_DATA, MESSAGE]) {
      const start = cells[row + cell]
      const end = cells[row + cell + 1]
      if (start === end) continue
      bounds[2 * count] = start
      bounds[2 * count + 1] = end
      messages[count] = i
      structured[count] = cell === STRUCTURED_DATA ? 1 : 0
      count += 1
    }
  }
  return { count, bounds, messages, structured }
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

function maskText(bytes: Buffer, start: number, end: number): void {
  bytes.fill(STAR, start, end)
}

function maskValues(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at += 1) if (!STRUCTURE.includes(bytes[at])) bytes[at] = STAR
}
