// client → relay → server as real processes that are killed again and again, over connections that are cut, stand still and are
// reset, while three files are written and rotated: each line is in the server's file once, and in its archive once.
//
//   files ─▶ client ─▶ proxy ─▶ relay, spool ─▶ proxy ─▶ server ─▶ file, archive
//
// `SLUICE_SEED` repeats what is decided at random, though not the moments at which it meets the processes. `SLUICE_LONG` kills
// ten times as often.

import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort, launched, lineCount, run, temporaryFolder, until, type Daemon } from './program.ts'
import { pick, roughProxy, scaled, seeded, type Fraction } from './rough-proxy.ts'

const KILLS = process.env['SLUICE_LONG'] === undefined ? 20 : 200
const FILES = ['web.log', 'mail.log', 'cron.log']
/** Lines written at most before the server has them: a slow machine has less to do. */
const LINES_AHEAD = 40_000
const WRITE_EVERY_MS = 20
/** Writes to a file before it is rotated. */
const WRITES_MIN = 10

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A mode of the program that is started again after each kill, on the same data. */
class Mortal {
  readonly mode: string
  readonly #folder: string
  #daemon: Daemon

  constructor(mode: 'client' | 'relay' | 'server', folder: string, configuration: string) {
    this.mode = mode
    this.#folder = folder
    writeFileSync(join(folder, `${mode}.yaml`), `data: ${join(folder, mode)}\n${configuration}`)
    this.#daemon = this.#launched()
  }

  up = () => this.#daemon.up()

  stop = () => this.#daemon.stop()

  async die(): Promise<void> {
    await this.#daemon.stop('SIGKILL')
  }

  rise(): void {
    this.#daemon = this.#launched()
  }

  #launched(): Daemon {
    return launched([this.mode, '-c', join(this.#folder, `${this.mode}.yaml`)], { cwd: this.#folder })
  }
}

/** Kills so often, one or two at a time, also while they start; resolves when all are up again. */
async function killAtRandom(all: readonly Mortal[], kills: number, fraction: Fraction): Promise<void> {
  let left = kills
  const killOne = async (mortal: Mortal) => {
    left -= 1
    await mortal.die()
    if (fraction() < 0.5) await sleep(scaled(fraction, 10, 1500))
    mortal.rise()
    if (left > 0 && fraction() < 0.2) {
      await sleep(scaled(fraction, 10, 600))
      return killOne(mortal)
    }
    await mortal.up()
  }
  while (left > 0) {
    await sleep(scaled(fraction, 20, 2_000))
    const first = pick(fraction, all)
    const second = pick(fraction, all)
    await Promise.all([killOne(first), ...(left > 0 && second !== first && fraction() < 0.3 ? [killOne(second)] : [])])
  }
}

/** What is written: `web.log 3 1234 xxxxx` is the line 1234 of web.log, in its third life. */
class Writer {
  readonly written = new Map(FILES.map((name) => [name, 0]))
  readonly #folder: string
  readonly #fraction: Fraction
  readonly #lives = new Map(FILES.map((name) => [name, 0]))
  /** Writes to each file since it was made. */
  readonly #writes = new Map(FILES.map((name) => [name, 0]))
  /** Where writers go on that have not noticed a rotation. */
  readonly #late: { name: string; path: string; life: number }[] = []

  constructor(folder: string, fraction: Fraction) {
    this.#folder = folder
    this.#fraction = fraction
  }

  get count(): number {
    return [...this.written.values()].reduce((sum, each) => sum + each, 0)
  }

  /** Writes some lines to one of the files. */
  write(): void {
    const late = this.#fraction() < 0.3 ? this.#late.shift() : undefined
    const name = late?.name ?? pick(this.#fraction, FILES)
    const { path, life } = late ?? { path: join(this.#folder, name), life: this.#lives.get(name)! }
    const first = this.written.get(name)!
    const count = Math.floor(scaled(this.#fraction, 1, 1000))
    const lines = Array.from({ length: count }, (_, i) => `${name} ${life} ${first + i} ${'x'.repeat((i * 7) % 150)}\n`)
    const text = lines.join('')
    // Now and then a line is written in two halves.
    const half = this.#fraction() < 0.2 ? Math.floor(this.#fraction() * text.length) : 0
    if (half > 0) appendFileSync(path, text.slice(0, half))
    appendFileSync(path, text.slice(half))
    this.written.set(name, first + count)
    if (!late) this.#writes.set(name, this.#writes.get(name)! + 1)
  }

  /** Renames one of the files, as logrotate does, with all that were renamed before. */
  rotate(): void {
    const name = pick(this.#fraction, FILES)
    const path = join(this.#folder, name)
    if (this.#writes.get(name)! < WRITES_MIN || this.#late.length > 0) return
    this.#writes.set(name, 0)
    const rotated = readdirSync(this.#folder).filter((each) => each.startsWith(`${name}.`)).length
    for (let i = rotated; i > 0; i -= 1) renameSync(`${path}.${i}`, `${path}.${i + 1}`)
    renameSync(path, `${path}.1`)
    const life = this.#lives.get(name)!
    this.#lives.set(name, life + 1)
    if (this.#fraction() < 0.5) this.#late.push({ name, path: `${path}.1`, life })
  }
}

const FAULTS_TOLD = 20

/** Lost and doubled lines, and those out of order within one life of a file, in the first words of each kind. */
function faultsOf(lines: readonly string[], written: ReadonlyMap<string, number>): string[] {
  const faults: string[] = []
  const seen = new Map([...written].map(([name, count]) => [name, new Uint8Array(count)]))
  const last = new Map<string, number>()
  for (const line of lines) {
    const [name, life, number] = line.split(' ', 3)
    const n = Number(number)
    const counts = seen.get(name)
    if (!counts || !(n < counts.length)) {
      faults.push(`never written: ${line}`)
      continue
    }
    counts[n] += 1
    if (counts[n] > 1) faults.push(`doubled: ${name} ${life} ${n}`)
    else if (n < (last.get(`${name} ${life}`) ?? 0)) faults.push(`out of order: ${name} ${life} ${n}`)
    last.set(`${name} ${life}`, n)
  }
  for (const [name, counts] of seen)
    for (const [n, times] of counts.entries()) if (times === 0) faults.push(`lost: ${name} ${n}`)
  return faults.length > FAULTS_TOLD ? [`${faults.length} in all`, ...faults.slice(0, FAULTS_TOLD)] : faults
}

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'latin1').split('\n').slice(0, -1) : [])

test(
  'each process killed at any moment, over bad connections: every line once in the file, and once in the archive',
  { timeout: 120_000 + KILLS * 6_000 },
  async () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    console.log(`SLUICE_SEED=${seed}`)
    const folder = temporaryFolder()
    const logs = join(folder, 'logs')
    mkdirSync(logs)
    const [relayPort, serverPort] = [await freePort(), await freePort()]
    const toRelay = await roughProxy(relayPort, seeded(seed + 1))
    const toServer = await roughProxy(serverPort, seeded(seed + 2))
    const out = join(folder, 'out.log')

    const server = new Mortal(
      'server',
      folder,
      `sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${serverPort}"] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: "{message}" }, archive: { type: archive } }
`,
    )
    const relay = new Mortal(
      'relay',
      folder,
      `sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${relayPort}"] } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${toServer.port}"] } }
`,
    )
    const client = new Mortal(
      'client',
      folder,
      `sources: { apps: { type: file, paths: [${JSON.stringify(join(logs, '*.log'))}], program: app } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${toRelay.port}"] } }
`,
    )
    const all = [client, relay, server]
    await Promise.all(all.map((each) => each.up()))

    const writer = new Writer(logs, seeded(seed + 3))
    let arrived = 0
    const count = setInterval(() => (arrived = lineCount(out)), 250)
    onTestFinished(() => clearInterval(count))
    let isOver = false
    const writing = (async () => {
      const fraction = seeded(seed + 4)
      for (let turn = 0; !isOver; turn += 1) {
        if (writer.count - arrived < LINES_AHEAD) writer.write()
        // A file that is gone from its name before anybody has looked at it once cannot be known to have been there.
        if (arrived > 5_000 && fraction() < 0.1) writer.rotate()
        await sleep(WRITE_EVERY_MS)
      }
    })()
    await killAtRandom(all, KILLS, seeded(seed))
    isOver = true
    await writing
    toRelay.calm()
    toServer.calm()
    console.log(
      JSON.stringify({
        lines: writer.count,
        rotated: readdirSync(logs).length,
        toRelay: [...toRelay.done],
        toServer: [...toServer.done],
      }),
    )

    await until('as many lines as were written', () => lineCount(out) >= writer.count, 60_000).catch(() => {})
    for (const each of all) expect(await each.stop()).toBe(0)
    expect(faultsOf(linesOf(out), writer.written)).toEqual([])

    const archive = join(folder, 'server', 'archive')
    const stored = await run(['grep', '-O', 'cat', '--archive', archive])
    expect(faultsOf(stored.stdout.split('\n').slice(0, -1), writer.written)).toEqual([])
    const counted = await run(['grep', '-c', '--archive', archive])
    expect(Number(counted.stdout)).toBe(writer.count)
  },
)
