import { expect, test } from 'vitest'
import { SLAB_BYTES } from '../../common/limits.ts'
import { releaseBatch, type Batch } from '../../common/pipeline/batch.ts'
import { Gather } from '../../common/pipeline/gather.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { textsOf } from '../fake/sink.ts'
import { origin } from './batches.ts'

function gathering(pool = new SlabPool()) {
  const given: Batch[] = []
  return {
    pool,
    given,
    gather: new Gather(
      pool,
      () => 7,
      (batch) => given.push(batch),
    ),
  }
}

function put(gather: Gather, from: ReturnType<typeof origin>, text: string, mark = 0): boolean {
  const bytes = Buffer.from(text)
  if (!gather.reserve(bytes.length)) return false
  const at = gather.copy(bytes, 0, bytes.length)
  gather.add(from, at, at + bytes.length, mark)
  return true
}

test('messages of one turn make one batch, with a run for consecutive messages of one origin', () => {
  const { gather, given } = gathering()
  const [a, b] = [origin('a'), origin('b')]
  put(gather, a, 'one')
  put(gather, a, 'two')
  put(gather, b, 'three')
  put(gather, a, 'four')
  gather.flush()
  expect(textsOf(given[0])).toEqual(['one', 'two', 'three', 'four'])
  expect(given[0].runs.map(({ count, origin: { source } }) => [count, source])).toEqual([
    [2, 'a'],
    [1, 'b'],
    [1, 'a'],
  ])
  expect(given[0].received).toBe(7)
})

test('each message of a batch has a mark if any has one', () => {
  const { gather, given } = gathering()
  const from = origin('a')
  const markOf = (i: number) => (i === 1 || i === 256 || i === 998 ? 4 : 0)
  for (let i = 0; i < 1000; i += 1) put(gather, from, 'x', markOf(i))
  gather.flush()
  expect(given[0].marks).toEqual(Uint32Array.from({ length: 1000 }, (_, i) => markOf(i)))
})

test('a flush without messages produces no batch', () => {
  const { gather, given } = gathering()
  gather.flush()
  expect(given).toEqual([])
})

test('a full slab is passed on as a batch, and no message is split between two slabs', () => {
  const { gather, given } = gathering()
  const from = origin('a')
  const text = 'x'.repeat(1000)
  const count = Math.ceil(SLAB_BYTES / 1000) + 1
  for (let i = 0; i < count; i += 1) put(gather, from, text)
  gather.close()
  expect(given.length).toBe(2)
  expect(given.flatMap(textsOf)).toEqual(Array.from({ length: count }, () => text))
})

test('framing defects stay with their messages, and a batch without defects has no `marks`', () => {
  const { gather, given } = gathering()
  const from = origin('a')
  put(gather, from, 'good')
  put(gather, from, 'bad', 64)
  gather.flush()
  put(gather, from, 'good')
  gather.flush()
  expect([...given[0].marks!]).toEqual([0, 64])
  expect(given[1].marks).toBeUndefined()
})

test('there is no room while the pool is exhausted, and there is again when a batch is released', () => {
  const { gather, given } = gathering(new SlabPool(SLAB_BYTES))
  const from = origin('a')
  const half = 'x'.repeat(SLAB_BYTES / 2 + 1)
  expect(put(gather, from, half)).toBe(true)
  expect(put(gather, from, half)).toBe(false)
  expect(given).toHaveLength(1)
  releaseBatch(given[0])
  gather.close()
  expect(put(gather, from, half)).toBe(true)
})

test('a message larger than a slab gets a slab of its own, which is not pooled', () => {
  const { gather, given, pool } = gathering()
  const text = 'x'.repeat(3 * SLAB_BYTES)
  expect(put(gather, origin('a'), text)).toBe(true)
  gather.close()
  expect(textsOf(given[0])).toEqual([text])
  releaseBatch(given[0])
  expect(pool.bytesOut).toBe(0)
  expect(pool.take()!.bytes.length).toBe(SLAB_BYTES)
})

test('the pool has all slabs back when all batches are released', () => {
  const { gather, given, pool } = gathering()
  const from = origin('a')
  for (let i = 0; i < 5000; i += 1) {
    put(gather, from, 'x'.repeat(i % 977))
    if (i % 100 === 0) gather.flush()
  }
  gather.close()
  for (const batch of given) releaseBatch(batch)
  expect(pool.bytesOut).toBe(0)
})

test('a slab that was passed on with room left is given back when the next message does not fit', () => {
  const { gather, given, pool } = gathering()
  const from = origin('a')
  put(gather, from, 'small')
  gather.flush()
  put(gather, from, 'x'.repeat(SLAB_BYTES))
  gather.close()
  for (const batch of given) releaseBatch(batch)
  expect(pool.bytesOut).toBe(0)
})
