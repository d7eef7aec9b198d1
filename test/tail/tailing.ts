// A file source on real files, which can be started, stopped and killed, with a durable store behind it. As every durable
// destination does, the store keeps the highest position of each stream and drops messages that end at or below it.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, type TestContext } from 'vitest'
import { systemClock, type Clock } from '../../common/clock.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics, type MetricName } from '../../common/metric.ts'
import { batchWeight, type Batch } from '../../common/pipeline/batch.ts'
import { NO_INSTANCE } from '../../common/platform.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import type { Sink, StreamMarks } from '../../common/pipeline/sink.ts'
import { systemRandom } from '../../common/random.ts'
import { fileSource } from '../../shipper/tail/file-source.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog, type FakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'
import { textsOf } from '../fake/sink.ts'

// Thousands of files have to be there within it too, on a machine that is busy otherwise.
const DEADLINE_MS = 120_000

export class Tailing implements Sink {
  /** The folder of the logs. */
  readonly logs: string
  /** All stored messages, in the order of their arrival. */
  readonly stored: string[] = []
  /** The programs of their origins. */
  readonly programs = new Set<string>()
  readonly #log = fakeLog()
  readonly #metrics = createMetrics()
  readonly #folder: string
  readonly #options: object
  readonly #marks = new Map<string, number>()
  /** Streams that the source reported as ended. */
  readonly retired: string[] = []
  readonly streams: StreamMarks = {
    marks: () => Promise.resolve(this.#marks),
    retire: (ids) => Promise.resolve(void this.retired.push(...ids)),
  }
  /** Number of batches written to the store, settled or not. */
  offered = 0
  /** Their total weight as open writes, in bytes. */
  offeredBytes = 0
  /** Whether the last batch says that its messages are single lines. */
  singleLines = false
  /** The disk of the next start; tests replace it to inject failures. */
  disk: Disk = systemDisk
  clock: Clock = systemClock
  /** While set, writes stay open until it settles. */
  held: Promise<void> | undefined
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  readonly #test: TestContext
  /** Moves the clock of `fastClock`, which a stop needs too. */
  #ticking: NodeJS.Timeout | undefined

  /** `test` is the context of the calling test; `pattern` is relative to the folder of the logs, `also` is another, absolute one. */
  constructor(
    test: TestContext,
    pattern: string,
    { also, ...options }: { also?: string; [name: string]: unknown } = {},
  ) {
    this.#test = test
    this.#folder = mkdtempSync(join(tmpdir(), 'sluice-tail-'))
    this.logs = join(this.#folder, 'logs')
    mkdirSync(this.logs)
    this.#options = { paths: [join(this.logs, pattern), ...(also === undefined ? [] : [also])], ...options }
    test.onTestFinished(async () => {
      await this.stop()
      clearInterval(this.#ticking)
      rmSync(this.#folder, { recursive: true, force: true })
    })
  }

  path(name: string): string {
    return join(this.logs, name)
  }

  async write(batch: Batch): Promise<void> {
    this.offered += 1
    this.offeredBytes += batchWeight(batch) + 1
    await this.held
    const texts = textsOf(batch)
    this.singleLines = batch.singleLines ?? false
    if (batch.singleLines) expect(texts.filter((text) => text.includes('\n'))).toEqual([])
    let i = 0
    for (const { count, origin, stream } of batch.runs) {
      if (count > 0) this.programs.add(origin.program.toString())
      const mark = (stream && this.#marks.get(stream.id)) ?? -1
      for (let k = 0; k < count; k += 1, i += 1) {
        if (!stream || stream.from + stream.ends[k] > mark) this.stored.push(texts[i])
      }
      if (stream && stream.to > mark) this.#marks.set(stream.id, stream.to)
    }
  }

  async start(): Promise<void> {
    const seams = { clock: this.clock, disk: this.disk, net: new FakeNet(), random: systemRandom }
    const platform = { ...seams, log: this.#log, metrics: this.#metrics, instance: NO_INSTANCE, slabs: new SlabPool() }
    const given = fileSource.options.parse(this.#options)
    const source = fileSource.create(given, {
      ...{ name: 'apps', platform, dataFolder: this.data, hostName: 'here' },
      ...{ messageBytesMax: 1024 * 1024, localZone: utc },
    })
    await source.open()
    const stop = new AbortController()
    this.#running = { stop, ended: source.run(this, stop.signal) }
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.stop.abort()
    await running?.ended
  }

  /** Ends the source as a kill would: the data folder stays as it is now, without what a stop would save. The store stays too. */
  async kill(): Promise<void> {
    const copy = `${this.data}.killed`
    if (existsSync(this.data)) cpSync(this.data, copy, { recursive: true })
    await this.stop()
    rmSync(this.data, { recursive: true, force: true })
    if (existsSync(copy)) {
      cpSync(copy, this.data, { recursive: true })
      rmSync(copy, { recursive: true })
    }
  }

  get lines(): FakeLog['lines'] {
    return this.#log.lines
  }

  /** Whether the source has logged a line that begins with `text`. */
  hasLogged(text: string): boolean {
    return this.#log.lines.some((line) => line.text.startsWith(text))
  }

  /** The sum of a metric over all its labels. */
  counted(name: MetricName): Promise<number> {
    return this.#metrics.total(name)
  }

  /** Number of followed files. */
  async follows(): Promise<number> {
    return this.#metrics.total('sluice_files_followed')
  }

  /**
   * Makes the clock run fast from now on: `stepMs`, normally the three seconds between two sweeps, every 5 ms. Returns a function that
   * resolves when `ms` have passed on that clock.
   */
  fastClock(stepMs = 3_000): (ms: number) => Promise<void> {
    const clock = new FakeClock(Date.now() * 1000)
    this.clock = clock
    this.#ticking = setInterval(() => void clock.pass(stepMs), 5)
    return async (ms) => {
      const untilMs = clock.monotonicMs() + ms
      // It goes on by itself: no deadline is missed here, however slowly an hour of looks passes.
      while (clock.monotonicMs() <= untilMs) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Waits until exactly these messages are stored, in any order. */
  async expectStored(texts: readonly string[]): Promise<void> {
    const wanted = [...texts].sort()
    const { expect } = this.#test
    const options = { timeout: DEADLINE_MS, interval: 20 }
    await expect.poll(() => this.stored.length, options).toBeGreaterThanOrEqual(wanted.length)
    expect([...this.stored].sort()).toEqual(wanted)
  }

  /** The data folder of the source. Its name is neither ASCII nor Latin-1. */
  get data(): string {
    return join(this.#folder, 'données 日本')
  }
}

/** `a 0`, `a 1`, … */

/** The real disk, except that a read of `bytes` from a file that was opened at `path` rejects with `code` if `fails` is true. */
export function diskWithErrors(fails: (path: string, bytes: number) => boolean, code = 'EIO'): Disk {
  const disk: Disk = Object.create(systemDisk)
  disk.open = async (path, how, mode) => {
    const file = await systemDisk.open(path, how, mode)
    const wrapped = Object.create(file) as typeof file
    for (const name of ['write', 'sync', 'truncate', 'stat', 'setOwner', 'setMode', 'close'] as const) {
      Object.assign(wrapped, { [name]: (file[name] as (...args: never[]) => unknown).bind(file) })
    }
    wrapped.read = (...args) =>
      how === 'read' && fails(String(path), args[2])
        ? Promise.reject(Object.assign(new Error(code), { code }))
        : file.read(...args)
    return wrapped
  }
  return disk
}

export function numbered(name: string, count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${from + i}`)
}

export const asLines = (texts: readonly string[]) => texts.map((text) => `${text}\n`).join('')

/** Paths of the files below a folder that this process has open, once per descriptor. */
export function pathsOpenBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(`${folder}/`) ? [path] : []
    } catch {
      return [] // the descriptor of the listing itself, closed by now
    }
  })
}

/** Keeps writes open until `go` settles or `giveBack` rejects them. */
export function hold(tailing: Tailing): { go(): void; giveBack(error?: Error): void } {
  let resolve = () => {}
  let reject: (error: Error) => void = () => {}
  tailing.held = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]))
  const end = () => (tailing.held = undefined)
  return {
    go: () => [end(), resolve()],
    giveBack: (error = new Error('not stored')) => [end(), reject(error)],
  }
}
