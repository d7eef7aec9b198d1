import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { SpoolRoom } from '../../common/spool/spool-room.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform } from '../fake/platform.ts'

function newRoom() {
  const platform = fakePlatform()
  const options = { bytesMax: 1024 * 1024, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 } as const
  return {
    clock: platform.clock,
    room: new SpoolRoom('out', '/spool', 1, options, platform),
    stop: new AbortController(),
  }
}

// Node writes a warning of its own, which is no line of our log, to stderr when a signal has more than ten listeners.
test('a wait for room that ends because some is freed leaves no listener behind', async () => {
  const { room, stop } = newRoom()
  for (let i = 0; i < 20; i += 1) {
    const more = room.more(stop.signal)
    room.freed.raise()
    await more
  }
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
})

test('a wait for room ends after a second, and when it is stopped', async () => {
  const { room, clock, stop } = newRoom()
  let ended = 0
  const wait = () => void room.more(stop.signal).then(() => (ended += 1))
  wait()
  await clock.pass(999)
  expect(ended).toBe(0)
  await clock.pass(1)
  expect(ended).toBe(1)
  wait()
  stop.abort()
  await settle()
  wait()
  await settle()
  expect(ended).toBe(3)
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
})
