// What the tests of this folder run in: a disk in memory, a clock that is told, and a receiver that trims repeats.

import { releaseBatch, type Batch, type Origin } from '../../common/pipeline/batch.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { Spool } from '../../common/spool/spool.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import type { SpoolOptions } from '../../common/spool/spool-options.ts'
import { SpoolRoom } from '../../common/spool/spool-room.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform, type FakePlatform } from '../fake/platform.ts'
import { textsOf } from '../fake/sink.ts'
import type { MemoryDisk } from './memory-disk.ts'

export const FOLDER = '/data/spool/central'
const MiB = 1024 * 1024

const usual: SpoolOptions = { bytesMax: 64 * MiB, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 }

export function spoolOn(platform: Platform, options: Partial<SpoolOptions> = {}): Spool {
  return spoolIn(FOLDER, platform, options)
}

export function spoolIn(folder: string, platform: Platform, options: Partial<SpoolOptions> = {}): Spool {
  const given = { ...usual, ...options }
  const room = new SpoolRoom('central', folder, 1, given, platform)
  return new Spool({ ...given, name: 'central', folder, platform, room })
}

export function spooledOn(platform: Platform, destination: Destination, options: Partial<SpoolOptions> = {}) {
  return spooledIn(FOLDER, platform, destination, options)
}

export function spooledIn(
  folder: string,
  platform: Platform,
  destination: Destination,
  options: Partial<SpoolOptions> = {},
) {
  return new SpooledDestination(destination, folder, { ...usual, ...options }, platform)
}

/** Lets time pass, 5 ms a step, until `holds`. */
export async function until(platform: FakePlatform, holds: () => boolean, what: string): Promise<void> {
  for (let step = 0; !holds(); step += 1) {
    if (step > 20_000) throw new Error(`waited 100 s of fake time for: ${what}`)
    await platform.clock.pass(5)
  }
}

/** Awaits a promise while time passes. */
export async function during<T>(platform: FakePlatform, promise: Promise<T>): Promise<T> {
  let over = false
  const done = promise.finally(() => {
    over = true
  })
  done.catch(() => {})
  await until(platform, () => over, 'a promise')
  return done
}

/** A batch of the network, without stream. */
export function batchFor(texts: readonly string[], origin: Origin = originOf()): Batch {
  return batchOf(texts, origin, 1_700_000_000_000_000)
}

/** A batch of a stream that can be read again: message i ends at `from + i + 1`. */
export function streamBatch(id: string, from: number, texts: readonly string[]): Batch {
  const batch = batchOf(texts, originOf({ source: 'file' }), 1_700_000_000_000_000)
  const ends = Float64Array.from(texts, (_, i) => i + 1)
  return { ...batch, runs: [{ ...batch.runs[0], stream: { id, from, to: from + texts.length, ends } }] }
}

/** Streams up to these positions, of which nothing was selected. */
export function reached(positions: ReadonlyMap<string, number>): Batch {
  const empty = streamBatch('0'.repeat(32), 0, [])
  const runs = [...positions].map(([id, to]) => ({
    ...empty.runs[0],
    stream: { id, from: 0, to, ends: new Float64Array() },
  }))
  return { ...empty, runs }
}

/** Segments on a disk, the oldest first. */
export const segmentsOf = (disk: MemoryDisk) => [...disk.files.keys()].filter((name) => name.endsWith('.spool')).sort()

/** A message of about 20 KiB: three of them fill the smallest segment. */
export const large = (name: string | number) => `${name} ${'x'.repeat(20_000)}`

/** An open spool, and the platform that it runs on. */
export async function opened(disk: MemoryDisk, options: Partial<SpoolOptions> = {}) {
  const platform = fakePlatform(disk)
  const spool = spoolOn(platform, options)
  await spool.open()
  return { platform, spool }
}

export async function closed({ platform, spool }: { platform: FakePlatform; spool: Spool }): Promise<void> {
  await during(platform, spool.closeIntake(1_000))
  await spool.close()
}

/** Writes each text as a batch of its own, one after another. */
export async function written(platform: FakePlatform, spool: Spool, ...texts: string[]): Promise<void> {
  for (const text of texts) await during(platform, spool.write(batchFor([text])))
}

/** Everything that can be read of a spool now. */
export async function readAll(spool: Spool): Promise<string[]> {
  const texts: string[] = []
  for (let batch = await spool.next(); batch; batch = await spool.next()) {
    texts.push(...textsOf(batch))
    releaseBatch(batch)
  }
  return texts
}

/** A receiver that keeps a mark for each stream and drops repeats, as durable destinations do. Outlives restarts. */
export class TrimmingReceiver implements Destination {
  readonly name = 'central'
  /** What it keeps, each message once for each position. */
  readonly texts: string[] = []
  readonly marks = new Map<string, number>()
  /** Whether it acknowledges what it gets. */
  answers = true
  /** Rejects the next so many writes. */
  rejects = 0
  /** Messages that came again. */
  repeats = 0
  closed = 0
  #held: (() => void)[] = []

  open(): Promise<void> {
    return Promise.resolve()
  }

  write(batch: Batch): Promise<void> {
    if (this.rejects > 0) {
      this.rejects -= 1
      return Promise.reject(new Error('given back'))
    }
    const texts = textsOf(batch)
    let i = 0
    for (const { count, stream } of batch.runs) {
      if (!stream) throw new Error('what comes from a spool has a stream')
      for (let k = 0; k < count; k += 1, i += 1) this.#take(stream.id, stream.from + stream.ends[k], texts[i])
    }
    return this.answers ? Promise.resolve() : new Promise((resolve) => this.#held.push(resolve))
  }

  /** Acknowledges everything, and goes on doing so. */
  answer(): void {
    this.answers = true
    for (const resolve of this.#held.splice(0)) resolve()
  }

  get held(): number {
    return this.#held.length
  }

  close(): Promise<void> {
    this.closed += 1
    this.answer()
    return settle()
  }

  #take(id: string, position: number, text: string): void {
    if (position <= (this.marks.get(id) ?? 0)) {
      this.repeats += 1
      return
    }
    this.marks.set(id, position)
    this.texts.push(text)
  }
}
