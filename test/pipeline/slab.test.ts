// The pool of slabs: what is bounded, and what is used again.

import { expect, test } from 'vitest'
import { SLAB_BYTES } from '../../common/limits.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'

// V8 does not count shared memory when it decides when to collect garbage: what is not used again stays for minutes.
test.each([1, SLAB_BYTES, SLAB_BYTES + 1, 5 * SLAB_BYTES])('a slab for %i bytes is used again', (bytes) => {
  const pool = new SlabPool()
  const slab = pool.take(bytes)!
  expect(slab.bytes.length).toBeGreaterThanOrEqual(bytes)
  slab.release()
  expect(pool.bytesOut).toBe(0)
  expect(pool.take(bytes) === slab).toBe(true) // a comparison by `expect` would print all bytes
  expect(pool.take(bytes) === slab).toBe(false)
})

test('a slab that is larger than all that may be kept is not kept, and the others are', () => {
  const pool = new SlabPool()
  const [slab, other] = [pool.take(97 * SLAB_BYTES)!, pool.take(SLAB_BYTES, true)]
  other.release()
  slab.release()
  expect(pool.take(97 * SLAB_BYTES) === slab).toBe(false)
  expect(pool.take(SLAB_BYTES, true) === other).toBe(true)
})

test('slabs of a size that is no longer used do not take the place of others', () => {
  const pool = new SlabPool()
  const slabs = (bytes: number) => Array.from({ length: 24 }, () => pool.take(bytes, true))
  for (const slab of slabs(4 * SLAB_BYTES)) slab.release()
  const small = slabs(SLAB_BYTES)
  for (const slab of small) slab.release()
  const again = slabs(SLAB_BYTES)
  expect(again.every((slab) => small.includes(slab))).toBe(true)
})
