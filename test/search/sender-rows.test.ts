import { expect, test } from 'vitest'
import type { Senders } from '../../collector/search/block-caches.ts'
import { SenderRows } from '../../collector/search/sender-rows.ts'

function textsOf(texts: readonly string[]) {
  const starts = Uint32Array.from([...texts, ''], (_, i) => texts.slice(0, i).join('').length)
  return { bytes: Buffer.from(texts.join(''), 'latin1'), starts }
}

const senders: Senders = {
  hosts: textsOf(['a', 'b', 'é']),
  hostIds: Uint32Array.of(0, 1, 0, 0, 2, 1, 0),
  programs: textsOf(['', 'x']),
  programIds: Uint32Array.of(1, 1, 1, 0, 0, 1, 1),
}

test('the rows of each host and program are in time order, and rows of equal times in the order of the block', () => {
  const rows = new SenderRows(senders, Float64Array.of(5, 1, 3, 4, 4, 1, 5), -Infinity, Infinity)
  expect([...rows.of('a', 'x')]).toEqual([2, 0, 6])
  expect([...rows.of('b', 'x')]).toEqual([1, 5])
  expect([...rows.of('a', '')]).toEqual([3])
  expect([...rows.of('é', '')]).toEqual([4])
})

test('names that are not in the block, or not together, have no rows', () => {
  const rows = new SenderRows(senders, new Float64Array(7), -Infinity, Infinity)
  for (const [host, program] of [
    ['c', 'x'],
    ['a', 'y'],
    ['b', ''],
    ['', 'x'],
  ]) {
    expect(rows.of(host, program)).toHaveLength(0)
  }
})

test('rows outside of the time bounds are left out', () => {
  const rows = new SenderRows(senders, Float64Array.of(1, 2, 3, 4, 5, 6, 7), 2, 6)
  expect([...rows.of('a', 'x')]).toEqual([2])
  expect([...rows.of('b', 'x')]).toEqual([1, 5])
})

test('each of many senders has its own rows', () => {
  const count = 30_000
  const ids = Uint32Array.from({ length: count }, (_, i) => i)
  const names = Array.from({ length: count }, (_, i) => `host-${String(i).padStart(5, '0')}`)
  const hosts = {
    bytes: Buffer.from(names.join('')),
    starts: Uint32Array.from({ length: count + 1 }, (_, i) => 10 * i),
  }
  const many = { hosts, hostIds: ids, programs: textsOf(['']), programIds: new Uint32Array(count) }
  const rows = new SenderRows(many, new Float64Array(count), -Infinity, Infinity)
  expect(names.map((name) => [...rows.of(name, '')])).toEqual(names.map((_, i) => [i]))
})
