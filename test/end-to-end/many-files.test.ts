// The real client with five thousand files at once (its memory and descriptors), and with files that cannot be read at first.

import { appendFileSync, chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FOLLOWED_OPEN_MAX } from '../../common/limits.ts'
import { asLines, numbered } from '../tail/tailing.ts'
import { daemon, lineCount, temporaryFolder, until, type Daemon } from './program.ts'

const NOBODY = 65_534
const FILES = 5_000
const LINES = 20

// Measured maximum: 167 MB and 537 descriptors.
const MEMORY_BYTES_MAX = 256 * 1024 * 1024
// Descriptors other than those of followed files: log, event loop, data folder, worker threads, output.
const OTHER_DESCRIPTORS_MAX = 64

/** The peak resident memory of a process, bytes. */
function peakMemory({ child }: Daemon): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))!
  return Number(kib) * 1024
}

function descriptors({ child }: Daemon): number {
  return readdirSync(`/proc/${child.pid}/fd`).length
}

function configuration(logs: string, out: string): string {
  return `sources: { logs: { type: file, paths: [${JSON.stringify(`${logs}/**/*.log`)}] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw } }
`
}

const sortedLines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1).sort()

test('five thousand files that grow at the same time: every line is stored once, with bounded memory and descriptors', async () => {
  const folder = temporaryFolder()
  const logs = join(folder, 'logs')
  const out = join(folder, 'out')
  mkdirSync(join(logs, 'half'), { recursive: true })
  const name = (i: number) => join(logs, i % 2 === 0 ? `${i}.log` : `half/${i}.log`)
  const wanted: string[] = []
  const grow = (word: string, path = name) => {
    for (let i = 0; i < FILES; i += 1) {
      const lines = numbered(`${word} ${i} ${'x'.repeat(100)}`, LINES)
      appendFileSync(path(i), asLines(lines))
      wanted.push(...lines)
    }
  }
  grow('first')
  const client = await daemon('client', configuration(logs, out), folder)
  let descriptorsMost = 0
  const stored = async (what: string) => {
    await until(
      what,
      () => {
        descriptorsMost = Math.max(descriptorsMost, descriptors(client))
        return lineCount(out) >= wanted.length
      },
      120_000,
    )
  }
  await stored('what was there is stored')
  for (const word of ['second', 'third']) grow(word)
  await stored('what all of them grew by is stored')
  // A folder that appears with all of its files.
  mkdirSync(join(logs, 'later'))
  grow('later', (i) => join(logs, 'later', `${i % 100}.log`))
  await stored('the later folder is stored')
  const memory = peakMemory(client)
  expect(await client.stop()).toBe(0)
  expect(sortedLines(out)).toEqual(wanted.sort())
  expect(memory).toBeLessThan(MEMORY_BYTES_MAX)
  expect(descriptorsMost).toBeLessThanOrEqual(FOLLOWED_OPEN_MAX + OTHER_DESCRIPTORS_MAX)
})

test('a file and a folder without read permission are read from their start once permission is given', async () => {
  const folder = temporaryFolder()
  const logs = join(folder, 'logs')
  const out = join(folder, 'out')
  mkdirSync(join(logs, 'closed'), { recursive: true })
  writeFileSync(join(logs, 'a.log'), asLines(numbered('open', 50)))
  writeFileSync(join(logs, 'b.log'), asLines(numbered('denied', 50)))
  writeFileSync(join(logs, 'closed', 'c.log'), asLines(numbered('inside', 50)))
  // Root may read everything, so the client then runs as another user.
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  const own = (path: string, mode: number) => {
    if (isRoot) chownSync(path, NOBODY, NOBODY)
    chmodSync(path, mode)
  }
  own(join(logs, 'b.log'), 0)
  own(join(logs, 'closed'), 0)
  const setting = isRoot ? { uid: NOBODY } : {}
  const client = await daemon('client', configuration(logs, out), folder, setting)
  await until('what may be read is stored', () => lineCount(out) === 50)
  const warningsOf = (path: string) =>
    client
      .output()
      .stderr.split('\n')
      .filter((line) => line.includes('cannot be read') && line.includes(path)).length
  await until('the unreadable files are logged', () => warningsOf('b.log') > 0 && warningsOf('closed') > 0)
  appendFileSync(join(logs, 'b.log'), asLines(numbered('denied', 50, 50)))
  own(join(logs, 'b.log'), 0o600)
  own(join(logs, 'closed'), 0o700)
  await until('everything is stored', () => lineCount(out) >= 200)
  expect(await client.stop()).toBe(0)
  const wanted = [...numbered('open', 50), ...numbered('denied', 100), ...numbered('inside', 50)]
  expect(sortedLines(out)).toEqual(wanted.sort())
  expect([warningsOf('b.log'), warningsOf('closed')]).toEqual([1, 1])
})
