// A spool that is copied to another machine with its messages: both continue, and a common receiver has every message once.

import { expect, test } from 'vitest'
import { fakePlatform } from '../fake/platform.ts'
import { dice, MemoryDisk } from './memory-disk.ts'
import { batchFor, during, spooledOn, TrimmingReceiver, until } from './surroundings.ts'

const ORIGINAL = 'a'.repeat(32)
const CLONE = 'b'.repeat(32)

type Options = Parameters<typeof spooledOn>[2]

async function started(disk: MemoryDisk, receiver: TrimmingReceiver, instance: string, options?: Options) {
  const platform = { ...fakePlatform(disk), instance }
  const spooled = spooledOn(platform, receiver, options)
  await spooled.open()
  return {
    receives: (count: number) => until(platform, () => receiver.texts.length >= count, `${count} messages`),
    passes: (ms: number) => platform.clock.pass(ms),
    write: async (texts: readonly string[]) => {
      for (const text of texts) await during(platform, spooled.write(batchFor([text])))
    },
    stop: () => during(platform, spooled.close(1_000)),
  }
}

/** A receiver that does not answer, so that messages stay in the spool. */
function away(): TrimmingReceiver {
  const receiver = new TrimmingReceiver()
  receiver.rejects = Infinity
  return receiver
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk()
  for (const [path, { now }] of disk.files) copy.plant(path, Buffer.from(now))
  return copy
}

const count = (name: string, messages: number) => Array.from({ length: messages }, (_, i) => `${name} ${i}`)

test.each(['fsync', 'os'] as const)(
  'original and clone both send the shared messages and their own: the receiver stores each message once (%s)',
  async (durability) => {
    const disk = new MemoryDisk()
    const before = await started(disk, away(), ORIGINAL, { durability })
    await before.write(count('shared', 20))
    await before.stop()
    const cloned = copyOf(disk)

    const receiver = new TrimmingReceiver()
    const original = await started(disk, receiver, ORIGINAL, { durability })
    await original.write(count('original', 20))
    await original.receives(40)
    const clone = await started(cloned, receiver, CLONE, { durability })
    await clone.write(count('clone', 20))
    await clone.receives(60)
    expect(receiver.repeats).toBe(20)
    expect([...receiver.texts].sort()).toEqual(
      [...count('shared', 20), ...count('original', 20), ...count('clone', 20)].sort(),
    )
    expect(receiver.marks.size).toBe(2)
    await Promise.all([original.stop(), clone.stop()])
  },
)

test('a clone continues in its own stream across restarts, and sends what is unsent', async () => {
  const disk = new MemoryDisk()
  const first = await started(disk, away(), ORIGINAL)
  await first.write(count('shared', 5))
  await first.stop()
  const cloned = copyOf(disk)
  for (let life = 0; life < 3; life += 1) {
    const clone = await started(cloned, away(), CLONE)
    await clone.write(count(`life ${life}`, 5))
    await clone.stop()
  }
  const receiver = new TrimmingReceiver()
  const last = await started(cloned, receiver, CLONE)
  await last.receives(20)
  expect(receiver.texts).toEqual([...count('shared', 5), ...[0, 1, 2].flatMap((life) => count(`life ${life}`, 5))])
  expect(receiver.marks.size).toBe(2)
  await last.stop()
  const idle = await started(cloned, receiver, CLONE)
  await idle.passes(5_000)
  expect(receiver.repeats).toBe(0)
  await idle.stop()
})

test.each(['fsync', 'os'] as const)(
  'a clone with a power cut at any step of its first start sends no new message under the stream of the original (%s)',
  async (durability) => {
    const disk = new MemoryDisk()
    const first = await started(disk, away(), ORIGINAL, { durability })
    await first.write(count('shared', 3))
    await first.stop()
    let reachedEnd = false
    for (let step = 0; !reachedEnd; step += 1) {
      const receiver = new TrimmingReceiver()
      const original = await started(copyOf(disk), receiver, ORIGINAL, { durability })
      await original.write(count('original', 30))
      await original.receives(33)
      await original.stop()

      const mortal = copyOf(disk)
      mortal.stopsAt = step
      const platform = { ...fakePlatform(mortal), instance: CLONE }
      const spooled = spooledOn(platform, away(), { durability })
      let isUp = false
      void spooled
        .open()
        .then(() => spooled.write(batchFor(['lost with the power'])))
        .then(
          () => (isUp = true),
          () => {},
        )
      for (let ms = 0; ms < 500 && !isUp; ms += 5) await platform.clock.pass(5)
      reachedEnd = isUp
      const cut = mortal.afterPowerCut(dice(step + 1))

      const clone = await started(cut, receiver, CLONE, { durability })
      await clone.write(count('clone', 30))
      await clone.receives(63)
      expect(receiver.texts, `step ${step}`).toEqual(expect.arrayContaining(count('clone', 30)))
      await clone.stop()
    }
  },
)
