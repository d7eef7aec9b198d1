// The suite that every durable destination has to pass: it is killed at any call to the disk and restarted, the source sends again
// from its marks, and every message has to be stored exactly once.

import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Clock } from '../../common/clock.ts'
import type { Disk } from '../../common/disk.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { FakeClock } from '../fake/clock.ts'
import { batch } from '../pipeline/batches.ts'
import { CrashDisk, waysToDie, type WayToDie } from './crash-disk.ts'
import { message } from './sink.ts'
import { DEADLINE_MS, temporaryFolder } from './surroundings.ts'

export interface CrashTraits {
  /** Makes a destination, without opening it, on what earlier ones have left in the folder. */
  readonly make: (folder: string, disk: Disk, clock: Clock) => Destination
  /** Delivers what is still in a spool. */
  readonly settle?: (folder: string) => Promise<void>
  /** The stored texts, one list per file. */
  readonly stored: (folder: string) => string[][]
}

const STREAMS = ['b', 'c'].map((digit) => digit.repeat(32))
const MESSAGES = 9
const TEXTS = STREAMS.flatMap((id) => Array.from({ length: MESSAGES }, (_, i) => textOf(id, i)))
// Messages per batch, in turn.
const SIZES = [1, 3, 2]
// The short run tries every third step with one way to die each, the long run every step with every way.
const isLong = process.env['SLUICE_LONG'] !== undefined
const ROUNDS = isLong ? waysToDie.length : 1
const STRIDE = isLong ? 1 : 3
// A life without a death has fewer steps than this.
const STEPS_MAX = 400

function textOf(id: string, i: number): string {
  return `${id[0]}${String(i).padStart(3, '0')}`
}

/**
 * One life of a process: writes those messages of the streams that are not stored yet, and closes the destination. `acknowledged`
 * has the highest settled position of each stream. The destination's marks must not be lower, since a source may no longer have the
 * messages before that position.
 */
async function live(destination: Destination, acknowledged: Map<string, number>): Promise<void> {
  await destination.open()
  const streams = destination.streams!
  const marks = await streams.marks(STREAMS)
  for (const [id, position] of acknowledged) expect(marks.get(id) ?? -1, id).toBeGreaterThanOrEqual(position)
  for (const [id, position] of marks) acknowledged.set(id, position)
  const writes: Promise<void>[] = []
  const next = STREAMS.map((id) => (marks.get(id) ?? 0) / 10)
  for (let turn = 0; next.some((i) => i < MESSAGES); turn += 1) {
    const lane = turn % STREAMS.length
    const from = next[lane]
    const to = Math.min(MESSAGES, from + SIZES[turn % SIZES.length])
    const texts = Array.from({ length: to - from }, (_, i) => message(textOf(STREAMS[lane], from + i), `p${lane}`))
    const id = STREAMS[lane]
    const write = destination.write(batch([{ texts, from: 10 * from, id }]))
    writes.push(write.then(() => void acknowledged.set(id, 10 * to)))
    next[lane] = to
    if (turn % 4 === 3) await Promise.all(writes)
    if (turn === 5) await destination.reopen?.()
  }
  await Promise.all(writes)
  await streams.retire(STREAMS.slice(1))
  await destination.close(DEADLINE_MS)
}

/** Declares the suite. */
export function survivesCrashes(name: string, traits: CrashTraits): void {
  /** Runs one life until it ends or dies at `step`; resolves to whether it died. */
  async function liveOn(
    folder: string,
    acknowledged: Map<string, number>,
    step: number,
    way: WayToDie,
  ): Promise<boolean> {
    const mortal = new CrashDisk(step, way)
    const clock = new FakeClock()
    const state = { isOver: false }
    const life = live(traits.make(folder, mortal.disk, clock), acknowledged).then(
      () => (state.isOver = true),
      (cause: unknown) => {
        throw new Error(`${way} step ${step} in ${folder}`, { cause })
      },
    )
    const giveUp = Date.now() + DEADLINE_MS
    while (!state.isOver && !(mortal.isDead && mortal.isStill)) {
      await Promise.race([life, clock.pass(2)])
      if (Date.now() > giveUp) throw new Error(`neither alive nor dead: step ${step}, ${way} in ${folder}`)
    }
    if (!mortal.isDead) return false
    mortal.loseUnsynced()
    return true
  }

  test(
    `${name}: after a kill at any call to the disk and a restart, every message is stored exactly once`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        let step = 0
        for (let died = true; died; step += STRIDE) {
          expect(step).toBeLessThan(STEPS_MAX)
          const way = waysToDie[(step + round) % waysToDie.length]
          const folder = temporaryFolder()
          const acknowledged = new Map<string, number>()
          died = await liveOn(folder, acknowledged, step, way)
          // The next life dies as well, during recovery or later.
          if (died) await liveOn(folder, acknowledged, (7 * step) % 23, way)
          await liveOn(folder, acknowledged, Infinity, way)
          await traits.settle?.(folder)
          expect(traits.stored(folder).flat().sort(), `${way} step ${step}`).toEqual(TEXTS)
          rmSync(folder, { recursive: true })
        }
        expect(step).toBeGreaterThan(20)
      }
    },
    ROUNDS * 60_000,
  )
}
