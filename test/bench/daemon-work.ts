// What a daemon costs while nothing happens, and what an archive takes in.

import { spawnSync } from 'node:child_process'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { corpusBuffer } from './corpus-buffer.ts'
import type { Syslog } from './corpus.ts'
import { memoryBytes } from './measure.ts'
import { sluice } from './systems.ts'
import { freePort, inFolder, withSystem, type Result } from './work.ts'

const SETTLE_MS = 3_000

/** Resident memory of a server that listens and waits, bytes. */
export function idleMemory(): Promise<number> {
  return inFolder(async (folder) => {
    const job = { folder, port: await freePort(), syslog: 'rfc3164', work: 'tcp-file' } as const
    return withSystem(sluice, job, async (child) => {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      return memoryBytes(child.pid!)
    })
  })
}

export interface ArchiveResult extends Result {
  /** Raw bytes of the messages for each byte of the archive, its index included. */
  readonly smaller: number
}

export interface SpoolResult extends Result {
  /** Of message bytes. */
  readonly bytesPerSecond: number
}

/** Batches into an archive, until the last is durably committed. */
export function archiveIntake(syslog: Syslog, messages: number, times: number): Promise<ArchiveResult> {
  return inFolder(async (folder) => {
    const program = new URL('./archive-intake.js', import.meta.url).pathname
    const corpus = join(folder, 'corpus')
    writeFileSync(corpus, corpusBuffer(syslog, messages).corpus)
    const words = [program, folder, corpus, String(times)]
    const env = { ...process.env, TZ: 'UTC' }
    const { stdout } = spawnSync(process.execPath, words, {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { seconds, cpuSeconds, memoryBytes } = JSON.parse(stdout) as Record<string, number>
    const measured = messages * times
    const sent = measured + messages
    const main = new URL('../../../dist/main.js', import.meta.url).pathname
    const archive = join(folder, 'archive')
    const found = spawnSync(process.execPath, [main, 'grep', '-c', '--archive', archive], { encoding: 'utf8' })
    const stored = readdirSync(archive).reduce((sum, name) => sum + statSync(join(archive, name)).size, 0)
    const raw = (corpusBuffer(syslog, messages).corpus.length - messages) * (times + 1)
    return {
      rate: measured / seconds,
      cpu: (cpuSeconds * 1e6) / measured,
      memoryBytes,
      arrived: Number(found.stdout),
      expected: sent,
      smaller: raw / stored,
    }
  })
}

/** Batches into a spool and out of it, until the last is acknowledged. */
export function spoolFlow(messages: number, durability: 'fsync' | 'os'): Promise<SpoolResult> {
  return inFolder((folder) => {
    const program = new URL('./spool-flow.js', import.meta.url).pathname
    const corpus = join(folder, 'corpus')
    writeFileSync(corpus, corpusBuffer('rfc3164', 50_000).corpus)
    const words = [program, folder, corpus, String(messages), durability]
    const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    const { seconds, cpuSeconds, memoryBytes, messages: arrived, bytes } = JSON.parse(stdout) as Record<string, number>
    return Promise.resolve({
      ...{ rate: arrived / seconds, cpu: (cpuSeconds * 1e6) / arrived, memoryBytes, arrived, expected: arrived },
      bytesPerSecond: bytes / seconds,
    })
  })
}
