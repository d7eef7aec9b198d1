// Runs the simulation for many seeds. A failing seed is reported with its story. `SLUICE_SEED=431 npx vitest run test/simulation`
// runs one seed and prints its story.

import { expect, test, vi } from 'vitest'
import type { Breakage } from './topology.ts'
import { EVERYTHING, World, type Faults } from './world.ts'

// The clock of the simulation does not wait for real threads. A frame of 64 KiB, after a long stall, would be compressed in one and would
// arrive minutes later; with one processor it is compressed where it is made.
vi.mock('node:os', async (original) => {
  return { ...(await original<typeof import('node:os')>()), availableParallelism: () => 1 }
})

/** The only seed to run, if there is one. */
const only = process.env['SLUICE_SEED']
const isLong = process.env['SLUICE_LONG'] !== undefined
const SEEDS = isLong ? 20_000 : 500
const CASES_EACH = 5
const STORY_LINES = 200
// A seed takes 40 ms on an otherwise idle machine.
const SEED_MS_MAX = 2_000

/** The violations of a seed, followed by the end of its story; undefined if there are none. */
export async function wrongOf(
  seed: number,
  faults: Faults = EVERYTHING,
  breakage?: Breakage,
): Promise<string | undefined> {
  const world = new World(seed, faults, breakage)
  const wrongs = await world.run()
  if (wrongs.length === 0) return undefined
  return [`seed ${seed}`, ...wrongs.slice(0, 20), ...world.story.slice(-STORY_LINES)].join('\n')
}

/** Declares the tests for part `part` (from 0) of `parts` of all seeds. */
export function simulates(part: number, parts: number, faults: Faults = EVERYTHING): void {
  if (only !== undefined)
    return part === 0 ? runOne(Number(only), faults) : test('another file runs the seed', () => {})
  const seeds = SEEDS / CASES_EACH / parts
  for (let i = 0; i < CASES_EACH; i += 1) {
    const first = 1 + (part * CASES_EACH + i) * seeds
    const last = first + seeds - 1
    test(
      `seeds ${first} to ${last}: every line is stored once, in order`,
      async () => {
        for (let seed = first; seed <= last; seed += 1) expect(await wrongOf(seed, faults)).toBeUndefined()
      },
      seeds * SEED_MS_MAX,
    )
  }
}

function runOne(seed: number, faults: Faults): void {
  test(`seed ${seed}`, async () => {
    const world = new World(seed, faults)
    const wrongs = await world.run()
    console.log(world.story.join('\n'))
    expect(wrongs).toEqual([])
  })
}
