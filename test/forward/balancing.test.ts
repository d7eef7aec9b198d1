import { expect, test } from 'vitest'
import { RECEIVER_WELL_MS } from '../../common/limits.ts'
import type { Run } from '../../common/pipeline/batch.ts'
import { systemRandom } from '../../common/random.ts'
import { Balancer, ReceiverHealth, receiverFor } from '../../shipper/forward/balancing.ts'
import { originOf } from '../fake/batch.ts'

const random = { ...systemRandom, fraction: () => 1 }
const receivers = ['a:1', 'b:1', 'c:1']
const loose = (peer?: string): Run => ({ count: 1, origin: originOf(peer === undefined ? {} : { peer }) })
const inStream = (id: string): Run => ({ ...loose(), stream: { id, from: 0, to: 1, ends: Uint32Array.of(1) } })
const health = (isUp: boolean) => {
  const one = new ReceiverHealth(random)
  one.changed(isUp, 0)
  return one
}

test('failover: there is one share, which gets everything', () => {
  const balancer = new Balancer('failover', receivers)
  expect(balancer.shares).toBe(1)
  expect(balancer.assign([loose(), inStream('x'), inStream('y')])).toEqual([0, 0, 0])
})

test('round-robin: streams are assigned to the shares in turn, and each stays with its share', () => {
  const balancer = new Balancer('round-robin', receivers)
  expect(balancer.assign(['s', 't', 'u', 'v'].map(inStream))).toEqual([0, 1, 2, 0])
  expect(balancer.assign(['v', 't', 's'].map(inStream))).toEqual([0, 1, 0])
})

test('round-robin: batches without a stream are assigned to the shares in turn, each as a whole', () => {
  const balancer = new Balancer('round-robin', receivers)
  const assigned = Array.from({ length: 4 }, () => balancer.assign([loose('1.1.1.1'), loose('2.2.2.2')]))
  expect(assigned).toEqual([[0, 0], [1, 1], [2, 2], [0, 0]]) // prettier-ignore
})

test('hash: a stream, peer or host goes to the same share before and after a restart', () => {
  const keys = [...Array.from({ length: 50 }, (_, i) => loose(`10.0.0.${i}`)), inStream('s'), inStream('t')]
  expect(new Balancer('hash', receivers).assign(keys)).toEqual(new Balancer('hash', receivers).assign(keys))
})

test('hash: peers with similar addresses are spread evenly', () => {
  const shares = new Balancer('hash', receivers).assign(
    Array.from({ length: 3000 }, (_, i) => loose(`10.0.${i >> 8}.${i & 255}`)),
  )
  for (const share of [0, 1, 2]) expect(shares.filter((h) => h === share).length).toBeGreaterThan(850)
})

test('hash: an added receiver takes its share of the keys, and no key moves between the others', () => {
  const keys = Array.from({ length: 1000 }, (_, i) => loose(`10.0.0.${i}`))
  const before = new Balancer('hash', receivers).assign(keys)
  const after = new Balancer('hash', [...receivers, 'd:1']).assign(keys)
  expect(after.every((share, i) => share === 3 || share === before[i])).toBe(true)
  expect(after.filter((share) => share === 3).length).toBeGreaterThan(150)
})

test('a receiver that was never lost is well; after each loss in a row it takes longer to count as well again', () => {
  const one = new ReceiverHealth(random)
  expect(one.isWell(0)).toBe(true)
  one.changed(false, 0)
  expect(one.isUsable).toBe(false)
  one.changed(true, 0)
  expect([one.isUsable, one.isWell(RECEIVER_WELL_MS - 1), one.isWell(RECEIVER_WELL_MS)]).toEqual([true, false, true])
  one.changed(false, 1)
  one.changed(true, 1)
  expect([one.isWell(2 * RECEIVER_WELL_MS), one.isWell(2 * RECEIVER_WELL_MS + 1)]).toEqual([false, true])
})

test('after a long time well, the wait for a receiver that was lost is the shortest again', () => {
  const one = new ReceiverHealth(random)
  for (const ms of [0, 1]) {
    one.changed(false, ms)
    one.changed(true, ms)
  }
  const later = 10 * RECEIVER_WELL_MS
  one.changed(false, later)
  one.changed(true, later)
  expect(one.isWell(later + RECEIVER_WELL_MS)).toBe(true)
})

test('the wait for a receiver that accepts connections but acknowledges nothing doubles each time, however long it was connected', () => {
  const full = new ReceiverHealth(random)
  full.acknowledged(0)
  let ms = 0
  for (const waitMs of [1, 2, 4, 8].map((times) => times * RECEIVER_WELL_MS)) {
    full.changed(false, ms, true)
    full.changed(true, ms)
    expect([full.isWell(ms + waitMs - 1), full.isWell(ms + waitMs)]).toEqual([false, true])
    // Nothing that is sent to it is acknowledged until it counts as lost.
    ms += waitMs + 9 * RECEIVER_WELL_MS
  }
})

test('a share goes to the next receiver after its home, stays there while home is not well, and then returns', () => {
  const [lost, fine] = [health(false), health(true)]
  expect(receiverFor(0, 0, [lost, fine, fine], 0)).toBe(1)
  expect(receiverFor(0, 0, [lost, lost, fine], 0)).toBe(2)
  expect(receiverFor(2, 2, [fine, fine, lost], 0)).toBe(0)
  expect(receiverFor(0, 2, [lost, fine, fine], 0)).toBe(2)
  expect(receiverFor(0, 2, [fine, fine, fine], 0)).toBe(0)
})

test('a share stays if no receiver is usable, and goes to one that has just come back if it is the only one', () => {
  const lost = health(false)
  const back = health(false)
  expect(receiverFor(0, 1, [lost, lost], 0)).toBe(1)
  back.changed(true, 0)
  expect(receiverFor(0, 0, [lost, back], 0)).toBe(1)
})
