// The environment of the tests in this folder: a disk in memory, a simulated clock, and a receiver that drops repeats.

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

/** Advances the clock in steps of 5 ms until `holds` returns true. */
export async function until(platform: FakePlatform, holds: () => boolean, what: string): Promise<void> {
  for (let step = 0; !holds(); step += 1) {
    if (step > 20_000) throw new Error(`waited 100 s of fake time for: ${what}`)
    await platform.clock.pass(5)
  }
}

/** Awaits a promise while the clock advances. */
export async function during<T>(platform: FakePlatform, promise: Promise<T>): Promise<T> {
  let over = false
  const done = promise.finally(() => {
    over = true
  })
  done.catch(() => {})
  await until(platform, () => over, 'a promise')
  return done
}

/** A batch without a stream, as from the network. */
export function batchFor(texts: readonly string[], origin: Origin = originOf(), first?: number): Batch {
  return batchOf(texts, origin, 1_700_000_000_000_000, first)
}

/** A batch of a stream that can be read again: message i ends at `from + i + 1`. */
export function streamBatch(id: string, from: number, texts: readonly string[]): Batch {
  const batch = batchOf(texts, originOf({ source: 'file' }), 1_700_000_000_000_000)
  const ends = Float64Array.from(texts, (_, i) => i + 1)
  return { ...batch, runs: [{ ...batch.runs[0], stream: { id, from, to: from + texts.length, ends } }] }
}

/** An empty batch that advances streams to these positions, as if no message had been selected. */
export function reached(positions: ReadonlyMap<string, number>): Batch {
  const empty = streamBatch('0'.repeat(32), 0, [])
  const runs = [...positions].map(([id, to]) => ({
    ...empty.runs[0],
    stream: { id, from: 0, to, ends: new Float64Array() },
  }))
  return { ...empty, runs }
}

/** Paths of the segments on a disk, oldest first. */
export const segmentsOf = (disk: MemoryDisk) => [...disk.files.keys()].filter((name) => name.endsWith('.spool')).sort()

/** A message of about 20 KiB; three of them fill the smallest segment. */
export const large = (name: string | number) => `${name} ${'x'.repeat(20_000)}`

/** Opens a spool on a platform of its own. */
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

/** Writes each text as a separate batch, one after another. */
export async function written(platform: FakePlatform, spool: Spool, ...texts: string[]): Promise<void> {
  for (const text of texts) await during(platform, spool.write(batchFor([text])))
}

/** Reads all messages of a spool that are readable now. */
export async function readAll(spool: Spool): Promise<string[]> {
  const texts: string[] = []
  for (let batch = await spool.next(); batch; batch = await spool.next()) {
    texts.push(...textsOf(batch))
    releaseBatch(batch)
  }
  return texts
}

/** Reads all messages of a spool that are readable now, and acknowledges everything up to there. */
export async function takeAll(spool: Spool): Promise<string[]> {
  const texts = await readAll(spool)
  spool.acknowledge(spool.handedOut)
  return texts
}

/** A receiver that keeps a mark per stream and drops repeats, like durable destinations. It survives restarts of the sender. */
export class TrimmingReceiver implements Destination {
  readonly name = 'central'
  /** The stored messages. */
  readonly texts: string[] = []
  readonly marks = new Map<string, number>()
  /** Whether it acknowledges writes. */
  answers = true
  /** Number of next writes to reject. */
  rejects = 0
  /** Number of messages that were dropped as repeats. */
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

  /** Acknowledges all open writes and all later ones. */
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
