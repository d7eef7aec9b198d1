import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // End-to-end tests start whole processes on two cores: generous, since every wait has a deadline of its own.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // By itself vitest leaves one core out, and on two the tests would come one after another, most of them waiting for a process.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: ['test/build-dist.ts'],
  },
})
