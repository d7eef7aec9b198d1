// One life of a process, from its start to its death, and the platform that it gets instead of the operating system. After its
// death nothing that it began has an effect or gets an answer, except that what it had done to its disk remains.

import type { Cancel, Clock } from '../../common/clock.ts'
import type { Disk, DiskFile } from '../../common/disk.ts'
import type { Log } from '../../common/log.ts'
import type { MetricName, Metrics } from '../../common/metric.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { NO_INSTANCE, type Platform } from '../../common/platform.ts'
import type { Hint } from '../../shipper/tail/watch.ts'
import type { MemoryDisk } from '../spool/memory-disk.ts'
import type { Dice } from './dice.ts'
import type { SimulatedNet } from './network.ts'
import type { Timeline } from './timeline.ts'

/** The speed of a disk: a call takes up to `slowMs`. */
export interface DiskPace {
  slowMs: number
}

export class Life {
  readonly name: string
  readonly timeline: Timeline
  readonly dice: Dice
  readonly platform: Platform
  readonly counted = new Map<MetricName, number>()
  /** Tells the process that something in the followed folders has changed, as inotify does. */
  hint: ((path: string, written: boolean) => void) | undefined
  /** For each write in progress, a function that does a random part of it. */
  readonly #halfDone = new Set<() => void>()
  #dead = false

  constructor(
    name: string,
    timeline: Timeline,
    dice: Dice,
    disk: MemoryDisk,
    pace: DiskPace,
    net: SimulatedNet,
    tell: (what: string) => void,
  ) {
    this.name = name
    this.timeline = timeline
    this.dice = dice
    this.platform = {
      ...{ clock: this.#clock(), disk: this.#disk(disk, pace), net: net.of(this), random: dice.split() },
      ...{ log: this.#log(tell), metrics: this.#metrics(), instance: NO_INSTANCE, slabs: new SlabPool() },
    }
  }

  get isDead(): boolean {
    return this.#dead
  }

  /** Calls after `ms`, if the process is still alive then. */
  after(ms: number, call: () => void): Cancel {
    return this.timeline.after(ms, () => {
      if (!this.#dead) call()
    })
  }

  /** Kills the process. Any part of each write in progress may still be done. */
  die(): void {
    this.#dead = true
    for (const doHalf of this.#halfDone) if (this.dice.chance(0.5)) doHalf()
  }

  #clock(): Clock {
    const { timeline } = this
    const bornMs = timeline.ms
    return {
      now: () => timeline.now,
      monotonicMs: () => timeline.ms - bornMs,
      after: (ms, call) => this.after(ms, call),
      soon: (call) => this.after(0, call),
    }
  }

  #log(tell: (what: string) => void): Log {
    const report = (first: unknown, text?: string) => {
      if (!this.#dead) tell(text === undefined ? String(first) : `${text} ${JSON.stringify(first)}`)
    }
    const log = { debug: report, info: report, warn: report, error: report, fatal: report } as Log & Watched
    log.watchedBy = (hint) => (this.hint = hint)
    return log
  }

  #metrics(): Metrics {
    return {
      count: (name, _, by) => void this.counted.set(name, (this.counted.get(name) ?? 0) + by),
      set: () => {},
      total: (name) => Promise.resolve(this.counted.get(name) ?? 0),
      snapshot: () => Promise.resolve(new Map()),
    }
  }

  /** Delays a call either before or after its effect. */
  async #call<T>(pace: DiskPace, call: () => Promise<T>): Promise<T> {
    const ms = this.dice.between(0, pace.slowMs)
    const isLate = this.dice.chance(0.5)
    if (isLate) await this.#wait(ms)
    try {
      return await call()
    } finally {
      if (!isLate) await this.#wait(ms)
    }
  }

  /** A call that only reads: usually without a delay, since most of what is read is in the page cache. */
  async #look<T>(pace: DiskPace, call: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise(() => {})
    return this.dice.chance(0.1) ? this.#call(pace, call) : call()
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  #disk(disk: MemoryDisk, pace: DiskPace): Disk {
    const act = <T>(call: () => Promise<T>): Promise<T> => this.#call(pace, call)
    const look = <T>(call: () => Promise<T>): Promise<T> => this.#look(pace, call)
    return {
      stat: (path) => look(() => disk.stat(path)),
      statLink: (path) => look(() => disk.statLink(path)),
      statAll: async (folder, names, told) => {
        for (const name of names) told(name, await look(() => disk.stat(`${String(folder)}/${String(name)}`)))
      },
      realPath: (path) => look(() => disk.realPath(path)),
      list: (folder) => look(() => disk.list(folder)),
      readFile: (path) => look(() => disk.readFile(path)),
      freeBytes: () => look(() => disk.freeBytes()),
      ownFolder: () => disk.ownFolder(),
      setMode: () => disk.setMode(),
      makeFolder: () => disk.makeFolder(),
      syncFolder: (path) => act(() => disk.syncFolder(path)),
      replaceFile: (path, bytes) => act(() => disk.replaceFile(path, bytes)),
      rename: (from, to) => act(() => disk.rename(from, to)),
      remove: (path) => act(() => disk.remove(path)),
      open: (path, how) => {
        const opened = async () => this.#file(await disk.open(path, how), pace)
        return how === 'read' ? look(opened) : act(opened)
      },
    }
  }

  #file(file: DiskFile, pace: DiskPace): DiskFile {
    const act = <T>(call: () => Promise<T>): Promise<T> => this.#call(pace, call)
    return {
      read: (...args) => this.#look(pace, () => file.read(...args)),
      stat: () => this.#look(pace, () => file.stat()),
      close: () => file.close(),
      setOwner: (...args) => file.setOwner(...args),
      setMode: (mode) => file.setMode(mode),
      sync: () => act(() => file.sync()),
      truncate: (bytes) => act(() => file.truncate(bytes)),
      write: async (from, offset, length, position) => {
        const part = this.dice.below(length + 1)
        const doHalf = () => void file.write(from, offset, part, position).catch(() => {})
        this.#halfDone.add(doHalf)
        try {
          await act(() => {
            this.#halfDone.delete(doHalf)
            return file.write(from, offset, length, position)
          })
        } finally {
          this.#halfDone.delete(doHalf)
        }
      },
    }
  }
}

/** How a `SimulatedWatch` finds its process: the log is the only object of the platform that a watch gets. */
export interface Watched {
  watchedBy?: (hint: Hint) => void
}

/** Replaces the watch of folders (`shipper/tail/watch.ts`), the only part that accesses the system without the platform. */
export class SimulatedWatch {
  readonly #log: Log & Watched

  constructor(log: Log & Watched) {
    this.#log = log
  }

  start(hint: Hint): void {
    this.#log.watchedBy?.(hint)
  }

  follow(): void {}

  stop(): Promise<void> {
    return Promise.resolve()
  }
}
