// `copytruncate`, one step of it after another, each in the middle of whatever the source is doing: before or after any call to the
// disk. Sometimes the source is stopped or killed between two steps, or for some of them. The seed decides. `SLUICE_SEED=431 npx vitest run test/tail/copied-meanwhile.test.ts` runs one seed and says what happened.

import { appendFileSync, closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { describe, test, type TestContext } from 'vitest'
import { systemDisk, type Disk, type DiskFile } from '../../common/disk.ts'
import { FakeClock } from '../fake/clock.ts'
import { Dice } from '../simulation/dice.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const before = numbered('before', 3_000)
const unread = numbered('unread', 200)
const after = numbered('after', 100)

const only = process.env['SLUICE_SEED']
const SEEDS = process.env['SLUICE_LONG'] === undefined ? 60 : 1_000
const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(only)]

// A copy that is not touched for longer is taken for a file of its own: see COPY_WAIT_MS.
const PAUSE_MS_MAX = 1_500
// Positions are saved once a second.
const SAVED_MS = 1_500

// No program copies less at a time. Less than HEAD_BYTES would not be recognised.
const COPY_BYTES_MIN = 4096

/** The real disk, which calls `meanwhile` before and after each call to it, with a text that says which one. */
function interrupted(meanwhile: (call: string) => void): Disk {
  const wrapped = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const value = Reflect.get(object, name)
        if (typeof value !== 'function' || name === 'isAt') return value
        return async (...args: unknown[]) => {
          meanwhile(String(name))
          const result = await Reflect.apply(value, object, args)
          meanwhile(`${String(name)} is done`)
          return name === 'open' ? wrapped(result as DiskFile) : result
        }
      },
    })
  return wrapped(systemDisk)
}

async function copytruncate(context: TestContext, seed: number): Promise<void> {
  const { expect } = context
  const dice = new Dice(seed)
  const clock = new FakeClock(Date.now() * 1000)
  const ticking = setInterval(() => void clock.pass(20), 2)
  context.onTestFinished(() => clearInterval(ticking))
  const source = Object.assign(new Tailing(context, dice.one(['app.log', 'app.log*'])), { clock })
  const path = source.path('app.log')
  writeFileSync(path, asLines(before))

  const hasUnread = dice.chance(0.5)
  let copy: number
  let content: Buffer
  const append = (texts: readonly string[]) => appendFileSync(path, asLines(texts))
  const toCopy = (from: number, to: number) => void writeSync(copy, content.subarray(from, to))
  const half = dice.between(COPY_BYTES_MIN, asLines(before).length)
  const steps = [
    { name: 'write', go: () => append(hasUnread ? unread : []) },
    { name: 'create the copy', go: () => void (copy = openSync(source.path('app.log.1'), 'w')) },
    { name: 'copy half', go: () => ((content = readFileSync(path)), toCopy(0, half)) },
    { name: 'copy the rest', go: () => (toCopy(half, Infinity), closeSync(copy)) },
    { name: 'truncate', go: () => truncateSync(path) },
    { name: 'write again', go: () => append(after) },
  ].map((step) => ({ ...step, calls: dice.one([0, dice.below(3), dice.below(10), dice.below(40)]) }))
  const restart = dice.chance(0.5)
    ? { left: dice.below(steps.length), stepsMeanwhile: dice.below(3), isKill: dice.chance(0.5) }
    : undefined

  const story: string[] = []
  let isReady = false
  let calls = 0
  let lastMs = 0
  const step = () => {
    const { name, go } = steps.shift()!
    story.push(`${clock.monotonicMs()} ms: ${name}`)
    go()
    calls = 0
    lastMs = clock.monotonicMs()
  }
  source.disk = interrupted((call) => {
    if (!isReady) return
    story.push(`${clock.monotonicMs()} ms:   ${call}`)
    calls += 1
    while (steps.length > 0 && calls > steps[0].calls) step()
  })
  await source.start()
  await source.expectStored(before)
  await expect.poll(() => clock.monotonicMs()).toBeGreaterThan(SAVED_MS)
  lastMs = clock.monotonicMs()
  isReady = true
  // A source that has nothing to do calls nothing: then time takes the next step.
  const takeSteps = async (until: number) => {
    while (steps.length > until) {
      await new Promise((resolve) => setTimeout(resolve, 2))
      if (steps.length > until && clock.monotonicMs() - lastMs > PAUSE_MS_MAX) step()
    }
  }
  if (restart) {
    await takeSteps(restart.left)
    story.push(restart.isKill ? 'kill' : 'stop')
    await (restart.isKill ? source.kill() : source.stop())
    for (let i = 0; i < restart.stepsMeanwhile && steps.length > 0; i += 1) step()
    story.push('start')
    await source.start()
    lastMs = clock.monotonicMs()
  }
  await takeSteps(0)
  const wanted = [...before, ...(hasUnread ? unread : []), ...after]
  const told = () => (only === undefined ? `seed ${seed}` : story.join('\n'))
  await expect.poll(() => source.stored.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(wanted.length)
  append(['the end'])
  await expect.poll(() => source.stored.includes('the end'), { timeout: 60_000 }).toBe(true)
  await source.stop()
  expect([...source.stored].sort(), told()).toEqual([...wanted, 'the end'].sort())
  expect(await source.counted('sluice_unread_bytes_total'), told()).toBe(0)
}

describe.concurrent('copytruncate in the middle of other calls', () => {
  test.for(seeds)('seed %i: every line is stored once', (seed, context) => copytruncate(context, seed))
})
