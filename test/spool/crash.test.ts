// The disk stops at any operation, unsynced data survives or not, and the program starts again: every message is in the receiver
// once. This also checks positions: a message with a position that was used before would be dropped as a repeat.

import { expect, test } from 'vitest'
import { reasonOf } from '../../common/fault.ts'
import type { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import { fakePlatform, type FakePlatform } from '../fake/platform.ts'
import { dice, MemoryDisk } from './memory-disk.ts'
import { spooledOn, streamBatch, TrimmingReceiver } from './surroundings.ts'

const STREAM = 'a'.repeat(32)
const BATCHES = 24
const options = { bytesMax: 1024 * 1024 } as const

// Sizes that result in groups of one or several sectors, and in segments of a few groups.
const textOf = (i: number) => `message ${i} ${'x'.repeat((i * 7919) % 30_000)}`
const texts = Array.from({ length: 3 * BATCHES }, (_, i) => textOf(i))

/** A source that reads a file: after a restart it continues after the unbroken run of settled writes. */
class Source {
  settled = 0
  #open = 0

  /** Writes everything that has not settled, three messages per batch, with several open writes. */
  async run(platform: FakePlatform, destination: SpooledDestination, roll: () => number): Promise<void> {
    let failed = false
    for (let at = this.settled; at < texts.length && !failed; at += 3) {
      const batch = streamBatch(STREAM, at, texts.slice(at, at + 3))
      this.#open += 1
      void destination.write(batch).then(
        () => {
          this.#open -= 1
          if (!failed) this.settled = at + 3
        },
        () => {
          this.#open -= 1
          failed = true
        },
      )
      if (roll() < 0.5) await platform.clock.pass(25)
    }
  }

  get isOpen(): boolean {
    return this.#open > 0
  }
}

/** One run of the program; true if it has finished its work. */
async function live(
  disk: MemoryDisk,
  source: Source,
  receiver: TrimmingReceiver,
  roll: () => number,
): Promise<boolean> {
  const platform = fakePlatform(disk)
  const spooled = spooledOn(platform, receiver, options)
  try {
    await spooled.open()
  } catch (error) {
    // The disk stopped while the spool was opened.
    expect(reasonOf(error)).toContain('EIO')
    return false
  }
  receiver.answers = roll() < 0.7
  await source.run(platform, spooled, roll)
  for (let step = 0; step < 60 && (source.isOpen || receiver.texts.length < texts.length); step += 1) {
    await platform.clock.pass(50)
    if (roll() < 0.1) receiver.answer()
    if (disk.operations >= disk.stopsAt) return false
  }
  receiver.answer()
  let over = false
  void spooled.close(5_000).then(() => (over = true))
  for (let step = 0; step < 200 && !over; step += 1) await platform.clock.pass(50)
  return disk.operations < disk.stopsAt
}

/** Runs the program until the work is done; in each run, the disk stops at the given operation. */
async function lives(stops: readonly number[], seed: number) {
  const roll = dice(seed)
  const receiver = new TrimmingReceiver()
  const source = new Source()
  let disk = new MemoryDisk()
  let count = 0
  for (; count < 12; count += 1) {
    disk.stopsAt = stops[count] ?? Infinity
    const done = await live(disk, source, receiver, roll)
    if (done && receiver.texts.length >= texts.length) break
    disk = disk.afterPowerCut(roll)
  }
  return { receiver, source, disk, count }
}

async function expectExactlyOnce(stops: readonly number[], seed: number): Promise<void> {
  const { receiver, source } = await lives(stops, seed)
  const where = `stops ${stops.join(', ')}, seed ${seed}`
  expect(source.settled, where).toBe(texts.length)
  const heads = (list: readonly string[]) => list.map((text) => text.slice(0, 12))
  expect(heads(receiver.texts), where).toEqual(heads(texts))
}

test('spool: without a crash, every message is in the receiver once', async () => {
  await expectExactlyOnce([], 1)
})

test('spool: the disk stops at any operation: every message is in the receiver once', async () => {
  const { disk } = await lives([], 1)
  for (let stop = 1; stop <= disk.operations; stop += 1) await expectExactlyOnce([stop], stop)
})

test('spool: with a disk that stops again and again, every message is in the receiver once', async () => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  const roll = dice(seed)
  for (let run = 0; run < 150; run += 1) {
    const stops = Array.from({ length: 4 }, () => 1 + Math.floor(roll() * 60))
    await expectExactlyOnce(stops, seed + run)
  }
})
