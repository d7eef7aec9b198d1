// Seeds, one after another. A seed that fails is told with its story; `SLUICE_SEED=431 npx vitest run test/simulation` runs
// it alone.

import { expect, test } from 'vitest'
import type { Breakage } from './topology.ts'
import { EVERYTHING, World, type Faults } from './world.ts'

/** A seed to be run alone, and told. */
const only = process.env['SLUICE_SEED']
const isLong = process.env['SLUICE_LONG'] !== undefined
const SEEDS = isLong ? 20_000 : 500
const CASES_EACH = 5
const STORY_LINES = 200
// A seed takes 40 ms where nobody else has the processors.
const SEED_MS_MAX = 2_000

/** What is wrong at the end of a seed, with its story; undefined where nothing is. */
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

/** Declares part `part` of `parts` of all seeds. */
export function simulates(part: number, parts: number, faults: Faults = EVERYTHING): void {
  if (only !== undefined) return part === 0 ? tells(Number(only), faults) : test('another file runs the seed', () => {})
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

function tells(seed: number, faults: Faults): void {
  test(`seed ${seed}`, async () => {
    const world = new World(seed, faults)
    const wrongs = await world.run()
    console.log(world.story.join('\n'))
    expect(wrongs).toEqual([])
  })
}
