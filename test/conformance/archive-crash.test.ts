// The archive, alone and behind a spool, is killed with SIGKILL before any statement that its thread passes to SQLite, or before
// any call that changes the spool's disk. It is then restarted, and the source sends again from the archive's marks. Every message
// has to be stored exactly once, and the marks of all streams have to be known.

import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stored } from '../archive/surroundings.ts'
import { temporaryFolder } from './surroundings.ts'

const dist = join(import.meta.dirname, '..', '..', 'dist')
const STEPS_MAX = 400
const isLong = process.env['SLUICE_LONG'] !== undefined

/** The steps that are counted: statements passed to SQLite, or calls of the main thread that change the disk. */
type Where = 'SQLite' | 'disk'

const statements = `
const { createRequire } = require('node:module')
const from = createRequire(${JSON.stringify(join(dist, 'main.js'))})
const Database = from(Number.parseInt(process.versions.node) < 22 ? 'better-sqlite3' : 'better-sqlite3-13')
counted(Database.prototype, ['exec', 'pragma', 'close'])
const memory = new Database(':memory:')
counted(Object.getPrototypeOf(memory.prepare('SELECT 1')), ['run'])
`

const calls = `
if (require('node:worker_threads').isMainThread) {
  const fs = require('node:fs')
  counted(fs, ['open', 'write', 'fdatasync', 'ftruncate'])
  counted(fs.promises, ['open', 'unlink', 'mkdir'])
  require('node:module').syncBuiltinESMExports()
}
`

/** A script that is loaded first in every thread: it counts steps, and kills the process before step `step`. */
const hook = (where: Where, step: number) => `
let left = ${step}
const counted = (of, names) => {
  for (const name of names) {
    const call = of[name]
    of[name] = function (...given) {
      if (left-- === 0) {
        process.kill(process.pid, 'SIGKILL')
        for (;;);
      }
      return call.apply(this, given)
    }
  }
}
${where === 'SQLite' ? statements : calls}
`

/**
 * The script of one life of a process: it writes those messages of the streams that are not stored yet, over two days of receipt.
 * It prints the marks that it finds and the positions that settle, as one JSON object per line. Arguments: the folder of the compiled
 * files, the data folder, and what is in front of the archive (`spool` or `nothing`).
 */
const LIFE = `
import { writeSync } from 'node:fs'
const [dist, dataFolder, before] = process.argv.slice(2)
const { ArchiveDestination } = await import(dist + '/collector/archive/archive-destination.js')
const { SpooledDestination } = await import(dist + '/common/spool/spooled-destination.js')
const { systemPlatform } = await import(dist + '/common/platform.js')
const { openLog } = await import(dist + '/common/log.js')
const { createMetrics } = await import(dist + '/common/metric.js')
const { utc } = await import(dist + '/common/message/zone.js')
const print = (what) => writeSync(1, JSON.stringify(what) + '\\n')
const day = 86_400_000_000
let now = 20_000 * day
const { clock, ...rest } = systemPlatform(openLog('error'), createMetrics())
const platform = { ...rest, clock: { ...clock, now: () => now } }
const context = { name: 'archive', platform, dataFolder, hostName: 'h', messageBytesMax: 1048576, localZone: utc }
const archive = new ArchiveDestination({ keepMs: undefined, bytesMax: undefined }, context)
const buffer = { bytesMax: 2 ** 26, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 }
const isSpooled = before === 'spool'
const first = isSpooled ? new SpooledDestination(archive, dataFolder + '/spool/archive', buffer, platform) : archive
setInterval(() => {}, 1000)
await first.open()
const none = Buffer.alloc(0)
const origin = { source: 's', lines: 'syslog', zone: utc, host: Buffer.from('h'), program: none, priority: 13 }
const ids = ['b', 'c', 'd'].map((digit) => digit.repeat(32))
const quiet = ids[2]
const marks = await first.streams.marks(ids)
print({ marks: Object.fromEntries(marks) })
const nothing = { slab: platform.slabs.take(), bounds: new Uint32Array(), count: 0, received: now }
const noEnds = new Uint32Array()
const begin = ids.map((id) => ({ count: 0, origin, stream: { id, from: 0, to: 0, ends: noEnds } }))
await first.write({ ...nothing, runs: begin })
nothing.slab.release()
print({ settled: Object.fromEntries(ids.map((id) => [id, marks.get(id) ?? 0])) })
const next = ids.map((id) => marks.get(id) ?? 0)
async function write(lane, to) {
  const id = ids[lane]
  const from = next[lane]
  if (from >= to) return
  next[lane] = to
  const slab = platform.slabs.take()
  const bounds = new Uint32Array(2 * (to - from))
  let at = 0
  for (let i = from; i < to; i += 1) {
    bounds[2 * (i - from)] = at
    at += slab.bytes.write('<13>' + id[0] + i, at)
    bounds[2 * (i - from) + 1] = at
  }
  const ends = Uint32Array.from({ length: to - from }, (_, i) => i + 1)
  const runs = [{ count: to - from, origin, stream: { id, from, to, ends } }]
  await first.write({ slab, bounds, count: to - from, received: now, runs })
  slab.release()
  print({ settled: { [id]: to } })
}
for (const to of [2, 4, 6]) {
  await Promise.all([write(0, to), write(1, to)])
  if (to === 4) now += day
}
await first.streams.retire(ids.slice(1, 2))
await first.close(10_000)
process.exit(0)
`

/**
 * Runs one life, which is killed before step `step`; resolves to whether it was. `settled` has the highest settled position of each
 * stream: the marks that the life finds are compared with it, and it is updated.
 */
async function liveOn({ before, where }: Setting, folder: string, step: number, settled: Map<string, number>) {
  const script = join(folder, 'life.mjs')
  const preload = join(folder, 'hook.cjs')
  writeFileSync(script, LIFE)
  writeFileSync(preload, hook(where, step))
  const child = spawn(process.execPath, ['--require', preload, script, dist, folder, before], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = await new Promise<string | number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve(signal ?? status))
  })
  expect([0, 'SIGKILL'], `step ${step}`).toContain(ended)
  for (const line of text.split('\n').slice(0, -1)) {
    const read = JSON.parse(line) as { marks?: Record<string, number>; settled?: Record<string, number> }
    if (read.marks) for (const [id, to] of settled) expect(read.marks[id], `step ${step}`).toBeGreaterThanOrEqual(to)
    for (const [id, to] of Object.entries(read.settled ?? {})) settled.set(id, to)
  }
  return ended === 'SIGKILL'
}

interface Setting {
  readonly before: 'nothing' | 'spool'
  readonly where: Where
  /** In the short run, only every step that is a multiple of this is tried. */
  readonly stride: number
}

async function textsIn(folder: string): Promise<string[]> {
  return [...(await stored(folder)).values()].sort()
}

for (const setting of [
  { before: 'nothing', where: 'SQLite', stride: 13 },
  { before: 'spool', where: 'SQLite', stride: 13 },
  { before: 'spool', where: 'disk', stride: 5 },
] as const) {
  const { before, where } = setting
  const stride = isLong ? 1 : setting.stride
  test(
    `archive behind ${before}: after a kill before any call to ${where}, each message is stored once and all marks are known`,
    async () => {
      const texts = ['b', 'c'].flatMap((letter) => [0, 1, 2, 3, 4, 5].map((i) => `<13>${letter}${i}`))
      let step = 0
      for (let died = true; died; step += stride) {
        expect(step).toBeLessThan(STEPS_MAX)
        const folder = temporaryFolder()
        const settled = new Map<string, number>()
        died = await liveOn(setting, folder, step, settled)
        // For odd steps the next life is killed as well, during recovery or later.
        if (died && step % 2 === 1) await liveOn(setting, folder, (7 * step) % 23, settled)
        expect(await liveOn(setting, folder, -1, settled)).toBe(false)
        // A stop may leave messages in the spool if the disk is too slow, so more lives may be needed to deliver them.
        for (let more = 0; before === 'spool' && more < 3 && (await textsIn(folder)).length < texts.length; more += 1) {
          await liveOn(setting, folder, -1, settled)
        }
        expect(await textsIn(folder), `step ${step}`).toEqual(texts)
        rmSync(folder, { recursive: true })
      }
      expect(step).toBeGreaterThan(20)
    },
    STEPS_MAX * 5_000,
  )
}
