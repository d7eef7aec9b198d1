// A spool that drops its oldest segments while its receiver reads, and is killed at any step of that: messages arrive in order and
// once, the newest ones arrive, and missing ones were counted before they were removed.

import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { CrashDisk, waysToDie, type WayToDie } from '../conformance/crash-disk.ts'
import { temporaryFolder } from '../conformance/surroundings.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform } from '../fake/platform.ts'
import { spooledIn, streamBatch, TrimmingReceiver } from './surroundings.ts'

const STREAM = 'a'.repeat(32)
const MESSAGES = 60
// Room for four segments of 64 KiB, so that two thirds of what is written must be dropped.
const options = { bytesMax: 256 * 1024, whenFull: 'drop-oldest' } as const
const texts = Array.from({ length: MESSAGES }, (_, i) => `${i} ${'x'.repeat(12_000)}`)
const isLong = process.env['SLUICE_LONG'] !== undefined
const STRIDE = isLong ? 1 : 7
// A run that is not killed has fewer steps than this.
const STEPS_MAX = 1_000
const LIFE_MS_MAX = 20_000

/** What outlives a process: the receiver, how far the source knows its messages are stored, and the messages counted as dropped. */
class World {
  readonly receiver = new TrimmingReceiver()
  readonly folder = temporaryFolder()
  settled = 0
  dropped = 0

  /** The messages that arrived. */
  get numbers(): number[] {
    return this.receiver.texts.map((text) => Number(text.split(' ')[0]))
  }
}

/** One run of the program: writes what is not stored yet, and drains the spool. True if it was killed before the end. */
async function live(world: World, disk: Disk, isDead: () => boolean): Promise<boolean> {
  const { receiver } = world
  const platform = fakePlatform(disk)
  const spooled = spooledIn(`${world.folder}/spool`, platform, receiver, options)
  receiver.rejects = Infinity
  let isOver = false
  const life = (async () => {
    await spooled.open()
    for (let at = world.settled; at < MESSAGES; at += 1) {
      await spooled.write(streamBatch(STREAM, at, texts.slice(at, at + 1)))
      world.settled = at + 1
      // The receiver accepts writes only from time to time.
      receiver.rejects = at % 20 < 3 ? 0 : Infinity
    }
    receiver.rejects = 0
    while (receiver.texts.at(-1) !== texts.at(-1)) await settle()
    await spooled.close(LIFE_MS_MAX)
    isOver = true
  })()
  const giveUp = Date.now() + LIFE_MS_MAX
  while (!isOver && !isDead()) {
    await Promise.race([life, platform.clock.pass(5)])
    if (Date.now() > giveUp) throw new Error('neither alive nor dead')
  }
  world.dropped += await platform.metrics.total('sluice_dropped_total')
  return !isOver
}

async function die(world: World, step: number, way: WayToDie): Promise<boolean> {
  const mortal = new CrashDisk(step, way)
  const died = await live(world, mortal.disk, () => mortal.isDead && mortal.isStill)
  if (died) mortal.loseUnsynced()
  return died
}

test(
  'drop-oldest: after a kill at any step, messages arrive in order and once, and missing ones were counted',
  { timeout: 600_000 },
  async () => {
    let died = true
    let drops = 0
    for (let step = 0; died; step += STRIDE) {
      const ways = isLong ? waysToDie : [waysToDie[step % waysToDie.length]]
      for (const way of ways) {
        const world = new World()
        const where = `${way} step ${step} in ${world.folder}`
        died = await die(world, step, way)
        if (died) await die(world, (7 * step) % 23, way)
        await live(world, systemDisk, () => false)
        const { numbers } = world
        expect(numbers, where).toEqual([...new Set(numbers)].sort((a, b) => a - b))
        expect(numbers.at(-1), where).toBe(MESSAGES - 1)
        // More may be counted than is missing: if it is killed between counting and removing, the segment still exists.
        expect(MESSAGES - numbers.length, where).toBeLessThanOrEqual(world.dropped)
        drops += Math.min(1, world.dropped)
        rmSync(world.folder, { recursive: true })
      }
      expect(step).toBeLessThan(STEPS_MAX)
    }
    expect(drops).toBeGreaterThan(15)
  },
)
