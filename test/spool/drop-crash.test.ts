// A spool that drops its oldest while its receiver takes what is left, and dies at any step of that: what comes out is in
// order and once, the newest comes out, and what is missing was counted before it was gone.

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
// Four segments of 64 KiB: two thirds of what is written has to go.
const options = { bytesMax: 256 * 1024, whenFull: 'drop-oldest' } as const
const texts = Array.from({ length: MESSAGES }, (_, i) => `${i} ${'x'.repeat(12_000)}`)
const isLong = process.env['SLUICE_LONG'] !== undefined
const STRIDE = isLong ? 1 : 7
// A life that ends by itself has fewer steps than this.
const STEPS_MAX = 1_000
const LIFE_MS_MAX = 20_000

/** What outlives a process: the receiver, how far the source knows it is stored, and what all lives counted as dropped. */
class World {
  readonly receiver = new TrimmingReceiver()
  readonly folder = temporaryFolder()
  settled = 0
  dropped = 0

  /** What came out. */
  get numbers(): number[] {
    return this.receiver.texts.map((text) => Number(text.split(' ')[0]))
  }
}

/** A whole life: writes what is not stored yet, drains what is left. True where it died before that. */
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
      // The receiver is there now and then.
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
  'drop-oldest: killed at any step, what comes out is in order and once, and what is missing was counted',
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
        // More may be counted than is gone: a death between the two, and the segment is there again.
        expect(MESSAGES - numbers.length, where).toBeLessThanOrEqual(world.dropped)
        drops += Math.min(1, world.dropped)
        rmSync(world.folder, { recursive: true })
      }
      expect(step).toBeLessThan(STEPS_MAX)
    }
    expect(drops).toBeGreaterThan(15)
  },
)
