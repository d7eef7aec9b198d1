// A destination with a spool in front of it: a write settles when it is on disk, and the destination gets it from there.
//
//   write ──▶ spool ──▶ pump ──▶ destination
//     settled: synced     acknowledged: removed
//
// If the destination distributes its work over lanes, messages are assigned before the spool, and each lane has a spool of its own:
// a folder, a stream, a pump. All lanes share one size limit.
//
//   write ──▶ assigned ──▶ spool    ──▶ pump ──▶ lane 0     <data>/spool/<name>/
//                   └─▶ spool    ──▶ pump ──▶ lane 1     <data>/spool/<name>/lane-1/

import { sleep } from '../clock.ts'
import { accessData } from '../data-access.ts'
import { SPOOL_DRAIN_STALL_MS } from '../limits.ts'
import type { Batch, Run } from '../pipeline/batch.ts'
import { writeParts } from '../pipeline/parts-of-batch.ts'
import type { Destination, Lanes, Sink, StreamMarks } from '../pipeline/sink.ts'
import { StoredCount } from '../pipeline/stored-count.ts'
import type { Platform } from '../platform.ts'
import { laneFolder, listLanes } from './lane-folders.ts'
import { Spool } from './spool.ts'
import type { SpoolOptions } from './spool-options.ts'
import { SpoolPump } from './spool-pump.ts'
import { SpoolRoom } from './spool-room.ts'

// How often `close` checks whether everything is sent.
const LOOK_EVERY_MS = 20

interface SpooledLane {
  readonly spool: Spool
  readonly pump: SpoolPump
}

export class SpooledDestination implements Destination {
  readonly name: string
  /** Marks of the incoming streams, which the spool keeps. The destination behind it sees only the streams of the lanes. */
  readonly streams: StreamMarks = {
    marks: (ids) => this.#marks(ids),
    retire: (ids) => this.#retire(ids),
  }
  /** Messages count as stored when the destination behind the spool has acknowledged them. */
  readonly countsStored = true
  readonly #destination: Destination
  readonly #folder: string
  readonly #options: SpoolOptions
  readonly #platform: Platform
  /** The lanes that messages are assigned to, followed by surplus lanes of earlier runs. */
  #lanes: SpooledLane[] = []

  /** `folder` is the folder of the spool. */
  constructor(destination: Destination, folder: string, options: SpoolOptions, platform: Platform) {
    this.name = destination.name
    this.#destination = destination
    this.#folder = folder
    this.#options = options
    this.#platform = platform
  }

  async open(): Promise<void> {
    const { name } = this
    const count = Math.max(this.#destination.lanes?.count ?? 1, (await this.#lanesOfEarlierRuns()) + 1)
    const stored = new StoredCount(this.#destination, this.#platform.metrics)
    const room = new SpoolRoom(name, this.#folder, count, this.#options, this.#platform)
    try {
      for (let lane = 0; lane < count; lane += 1) {
        const folder = laneFolder(this.#folder, lane)
        const spool = new Spool({ ...this.#options, name, folder, platform: this.#platform, room })
        await spool.open()
        this.#lanes.push({ spool, pump: new SpoolPump(spool, name, this.#sinkOf(lane), stored, this.#platform) })
      }
      await this.#destination.open()
    } catch (error) {
      for (const { spool } of this.#lanes) {
        await spool.closeIntake(0)
        await spool.close()
      }
      throw error
    }
    for (const { pump } of this.#lanes) pump.start()
  }

  write(batch: Batch): Promise<void> {
    const { lanes } = this.#destination
    if (!lanes) return this.#lanes[0].spool.write(batch)
    return writeParts(batch, this.#assign(batch.runs, lanes), (lane, part) => this.#lanes[lane].spool.write(part))
  }

  /** Keeps sending until the deadline, or until the receiver stands still; the rest stays on disk. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#platform
    const startMs = clock.monotonicMs()
    const leftMs = () => Math.max(0, deadlineMs - (clock.monotonicMs() - startMs))
    await Promise.all(this.#lanes.map(({ spool }) => spool.closeIntake(leftMs())))
    while (!this.#isDrained && leftMs() > LOOK_EVERY_MS && this.#stillMs < SPOOL_DRAIN_STALL_MS) {
      await sleep(clock, LOOK_EVERY_MS)
    }
    for (const { pump } of this.#lanes) pump.stop()
    await this.#destination.close(this.#isDrained ? leftMs() : Math.min(leftMs(), SPOOL_DRAIN_STALL_MS))
    await Promise.all(this.#lanes.map(({ pump }) => pump.settled()))
    const messages = this.#lanes.reduce((sum, { spool }) => sum + spool.messages, 0)
    for (const { spool } of this.#lanes) await spool.close()
    if (messages > 0) {
      this.#platform.log.info(
        { destination: this.name, messages },
        'the spool keeps the messages that were not acknowledged',
      )
    }
  }

  async reopen(): Promise<void> {
    await this.#destination.reopen?.()
  }

  /** Number of the highest lane that has a folder; 0 if there is none besides the first. */
  async #lanesOfEarlierRuns(): Promise<number> {
    const lanes = await accessData(this.#folder, () => listLanes(this.#platform.disk, this.#folder))
    return lanes.at(-1) ?? 0
  }

  /** Where a lane sends to. A lane that no longer has a receiver is emptied through another one. */
  #sinkOf(lane: number): Sink {
    const { lanes, streams } = this.#destination
    return lanes ? { write: (batch) => lanes.writeTo(lane % lanes.count, batch), streams } : this.#destination
  }

  // A stream stays in the lane that has its mark, also after a restart, because only that lane can trim its repeats.
  #assign(runs: readonly Run[], lanes: Lanes): number[] {
    const assigned = lanes.assign(runs)
    runs.forEach(({ stream }, i) => {
      if (stream) assigned[i] = this.#laneOf(stream.id, lanes.count) ?? assigned[i]
    })
    return assigned
  }

  #laneOf(id: string, count: number): number | undefined {
    for (let lane = 0; lane < count; lane += 1) {
      if (this.#lanes[lane].spool.positionOf(id) !== undefined) return lane
    }
    return undefined
  }

  get #isDrained(): boolean {
    return this.#lanes.every(({ spool }) => spool.isDrained)
  }

  /** Milliseconds since something was last acknowledged in any lane. */
  get #stillMs(): number {
    return Math.min(...this.#lanes.map(({ pump }) => pump.stillMs))
  }

  // ── how far incoming streams are stored ──

  /** The highest mark of all lanes: after the list of receivers has changed, a stream may have marks in several. */
  async #marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const highest = new Map<string, number>()
    for (const { spool } of this.#lanes) {
      for (const [id, at] of await spool.marks(ids)) highest.set(id, Math.max(at, highest.get(id) ?? 0))
    }
    return highest
  }

  async #retire(ids: readonly string[]): Promise<void> {
    await Promise.all(
      this.#lanes.map(({ spool }, lane) => {
        return spool.retire(ids.filter((id) => lane === 0 || spool.positionOf(id) !== undefined))
      }),
    )
  }
}
