import { expect, test } from 'vitest'
import { SLAB_BYTES } from '../../common/limits.ts'
import { SharedSlab } from '../../common/pipeline/shared-slab.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'

test('shared slab: small pieces are adjacent, and the slab returns to the pool when all of them and the owner have released it', () => {
  const pool = new SlabPool()
  const shared = new SharedSlab(pool)
  const pieces = [1, 1000, 2].map((bytes) => shared.take(bytes)!)
  expect(pieces.map(({ at }) => at)).toEqual([0, 1, 1001])
  expect(new Set(pieces.map(({ slab }) => slab)).size).toBe(1)
  expect(pool.bytesOut).toBe(SLAB_BYTES)
  shared.close()
  for (const { slab } of pieces.slice(1)) slab.release()
  expect(pool.bytesOut).toBe(SLAB_BYTES)
  pieces[0].slab.release()
  expect(pool.bytesOut).toBe(0)
})

test('shared slab: a piece that no longer fits begins another slab, and the first one returns to the pool with its last piece', () => {
  const pool = new SlabPool()
  const shared = new SharedSlab(pool)
  const most = SLAB_BYTES / 4
  const pieces = Array.from({ length: 5 }, () => shared.take(most)!)
  expect(pieces.map(({ at }) => at)).toEqual([0, most, 2 * most, 3 * most, 0])
  for (const { slab } of pieces) slab.release()
  expect(pool.bytesOut).toBe(SLAB_BYTES)
})

test('shared slab: a large piece gets a slab of its own and leaves the shared one to others', () => {
  const pool = new SlabPool()
  const shared = new SharedSlab(pool)
  const small = shared.take(10)!
  const large = shared.take(2 * SLAB_BYTES)!
  expect(large.at).toBe(0)
  expect(shared.take(10)).toEqual({ slab: small.slab, at: 10 })
  large.slab.release()
  expect(pool.bytesOut).toBe(SLAB_BYTES)
})

test('shared slab: no slab is taken beyond the bound of the pool, except with `must`', () => {
  const pool = new SlabPool(SLAB_BYTES)
  pool.take()
  const shared = new SharedSlab(pool)
  expect(shared.take(10)).toBeUndefined()
  expect(shared.take(10, true).at).toBe(0)
  expect(shared.take(10)!.at).toBe(10)
})
