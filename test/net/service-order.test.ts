// RFC 2782: which target of SRV records is tried first.

import { expect, test } from 'vitest'
import { inOrder } from '../../common/net/service-order.ts'
import type { Random } from '../../common/random.ts'
import { seeded } from '../end-to-end/chance.ts'

const service = (host: string, priority: number, weight: number) => ({ host, port: 2514, priority, weight })
const random: Random = { fraction: seeded(2782), bytes: (count) => Buffer.alloc(count) }
const hosts = (services: readonly { readonly host: string }[]) => services.map(({ host }) => host).join('')

test('lower priorities come first, whatever their weight', () => {
  const services = [service('c', 20, 0), service('a', 0, 1), service('d', 30, 65_535), service('b', 10, 100)]
  for (let i = 0; i < 100; i += 1) expect(hosts(inOrder(services, random))).toBe('abcd')
})

test('of one priority each comes first as often as its weight says, and all of them come', () => {
  const services = [service('a', 0, 60), service('b', 0, 30), service('c', 0, 10)]
  const first = { a: 0, b: 0, c: 0 }
  for (let i = 0; i < 10_000; i += 1) {
    const order = hosts(inOrder(services, random))
    expect([...order].toSorted().join('')).toBe('abc')
    first[order[0] as keyof typeof first] += 1
  }
  expect(first.a).toBeGreaterThan(5_700)
  expect(first.a).toBeLessThan(6_300)
  expect(first.c).toBeGreaterThan(800)
  expect(first.c).toBeLessThan(1_200)
})

test('one without a weight comes first now and then, and always where all are without', () => {
  let rare = 0
  const few = new Set<string>()
  for (let i = 0; i < 10_000; i += 1) {
    if (hosts(inOrder([service('a', 0, 1), service('b', 0, 0)], random)) === 'ba') rare += 1
    few.add(hosts(inOrder([service('a', 0, 0), service('b', 0, 0)], random)))
  }
  expect(rare).toBeGreaterThan(0)
  expect(rare).toBeLessThan(300)
  expect(few).toEqual(new Set(['ab', 'ba']))
})

test('of none none is tried', () => expect(inOrder([], random)).toEqual([]))
