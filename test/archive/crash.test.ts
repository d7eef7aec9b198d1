// A writer that is killed at any moment: acknowledged messages are stored, and repeats are not stored twice.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, stored, temporaryFolder } from './surroundings.ts'
import { WRITER } from './writer-process.ts'

const dist = join(import.meta.dirname, '..', '..', 'dist')
const KILLS = 4

/** Starts a writer at number `first` and kills it after `lines` acknowledgements; resolves to the last acknowledged number. */
function writeAndKill(folder: string, first: number, lines: number): Promise<number> {
  const script = join(folder, 'writer.mjs')
  writeFileSync(script, WRITER)
  const child = spawn(process.execPath, [script, dist, folder, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.split('\n').length > lines) child.kill('SIGKILL')
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => resolve(Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1))))
  })
}

test('archive: after repeated kills with SIGKILL, every acknowledged message is stored exactly once', async () => {
  const folder = temporaryFolder()
  let acknowledged = 0
  for (let kill = 1; kill <= KILLS; kill += 1) {
    // The source starts again before the last acknowledged message, as after a crash of its own.
    acknowledged = await writeAndKill(folder, Math.max(0, acknowledged - 50), 30 * kill)
    const numbers = [...(await stored(folder)).values()].map((text) => Number(text.slice('<13>message '.length)))
    expect(numbers).toEqual(numbers.map((_, i) => i))
    expect(acknowledged).toBeGreaterThan(0)
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged)
  }
})

test('archive: the WAL that a killed process left is synced when the archive is opened again', async () => {
  const folder = temporaryFolder()
  await writeAndKill(folder, 0, 10)
  const synced: string[] = []
  const disk: Disk = Object.create(systemDisk)
  disk.open = async (path, how, mode) => {
    const file = await systemDisk.open(path, how, mode)
    const sync = file.sync.bind(file)
    return Object.assign(file, { sync: () => sync().then(() => void synced.push(String(path))) })
  }
  await openedArchive(fakePlatform(disk), folder)
  expect(synced.filter((path) => path.endsWith('.db-wal'))).toHaveLength(1)
})
