import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Every wait has a deadline of its own, which says what was waited for: these only end a test that hangs. On a machine that
    // is busy otherwise, a test takes ten times as long as on one that is not.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    pool: 'forks',
    // By itself vitest leaves one core out, and on two the tests would come one after another, most of them waiting for a process. Three
    // workers keep two cores busy: all tests take 690 s there instead of 810 with two.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    globalSetup: ['test/build-dist.ts'],
  },
})
