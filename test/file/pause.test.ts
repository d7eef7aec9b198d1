// The pause between two writes to a file, during which lines are collected.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { failingDisk, fileDestination, temporaryFolder } from './surroundings.ts'

const lines = (texts: string[]) => batchOf(texts, originOf(), 0)

function counting() {
  let writes = 0
  const disk = failingDisk((call) => {
    if (call === 'write') writes += 1
    return undefined
  })
  return { disk, writes: () => writes }
}

test('lines that arrive within a pause are one write; the first line after a quiet time does not wait', async () => {
  const { disk, writes } = counting()
  const platform = fakePlatform(disk)
  const path = join(temporaryFolder(), 'out.log')
  const files = fileDestination({ path, pauseMs: 5 }, platform)
  await files.open()
  await files.write(lines(['a']))
  expect(writes()).toBe(1)
  const open = ['b', 'c', 'd'].map((text) => files.write(lines([text])))
  await platform.clock.pass(4)
  expect(writes()).toBe(1)
  await platform.clock.pass(1)
  await Promise.all(open)
  expect(writes()).toBe(2)
  expect(readFileSync(path, 'utf8')).toBe('a\nb\nc\nd\n')
  await files.close(1000)
})

test('a large amount of lines does not wait for the end of a pause', async () => {
  const { disk, writes } = counting()
  const path = join(temporaryFolder(), 'out.log')
  const files = fileDestination({ path, pauseMs: 5 }, fakePlatform(disk))
  await files.open()
  await files.write(lines(['a']))
  await files.write(lines(['x'.repeat(70_000)]))
  expect(writes()).toBe(2)
  await files.close(1000)
})

test('a batch that a sender waits for is written without a pause, together with the lines before it', async () => {
  const { disk, writes } = counting()
  const path = join(temporaryFolder(), 'out.log')
  const files = fileDestination({ path, pauseMs: 5 }, fakePlatform(disk))
  await files.open()
  await files.write(lines(['a']))
  const second = files.write(lines(['b']))
  await files.write({ ...lines(['c']), awaited: true })
  await second
  expect(writes()).toBe(2)
  expect(readFileSync(path, 'utf8')).toBe('a\nb\nc\n')
  await files.close(1000)
})

test('reopening and closing do not lose lines that wait for the end of a pause', async () => {
  const platform = fakePlatform()
  const path = join(temporaryFolder(), 'out.log')
  const files = fileDestination({ path, pauseMs: 5 }, platform)
  await files.open()
  await files.write(lines(['a']))
  const second = files.write(lines(['b']))
  await files.reopen()
  await second
  const third = files.write(lines(['c']))
  const closed = files.close(1000)
  await platform.clock.pass(5)
  await closed
  await third
  expect(readFileSync(path, 'utf8')).toBe('a\nb\nc\n')
})
