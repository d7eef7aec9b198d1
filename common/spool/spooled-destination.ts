// A destination with a spool in front of it: a write settles when it is on the disk, and the destination gets it from
// there.
//
//   write ──▶ spool ──▶ pump ──▶ destination
//     settled: synced     acknowledged: removed

import { sleep } from '../clock.ts'
import { SPOOL_DRAIN_STALL_MS } from '../limits.ts'
import type { Batch } from '../pipeline/batch.ts'
import type { Destination, StreamMarks } from '../pipeline/sink.ts'
import type { Platform } from '../platform.ts'
import { Spool } from './spool.ts'
import { SpoolPump } from './spool-pump.ts'
import type { SpoolOptions } from './spool-options.ts'

// How often a stop looks whether all is sent.
const LOOK_EVERY_MS = 20

export class SpooledDestination implements Destination {
  readonly name: string
  readonly #destination: Destination
  readonly #platform: Platform
  readonly #spool: Spool
  readonly #pump: SpoolPump

  /** `folder` is the spool's own. */
  constructor(destination: Destination, folder: string, options: SpoolOptions, platform: Platform) {
    this.name = destination.name
    this.#destination = destination
    this.#platform = platform
    this.#spool = new Spool({ ...options, name: destination.name, folder, platform })
    this.#pump = new SpoolPump(this.#spool, destination, platform)
  }

  /** Those of the spool: what is behind it sees the spool's own stream. */
  get streams(): StreamMarks {
    return this.#spool
  }

  async open(): Promise<void> {
    await this.#spool.open()
    try {
      await this.#destination.open()
    } catch (error) {
      await this.#spool.closeIntake(0)
      await this.#spool.close()
      throw error
    }
    this.#pump.start()
  }

  write(batch: Batch): Promise<void> {
    return this.#spool.write(batch)
  }

  /** Sends within the deadline what it can, while the receiver takes it; the rest stays on the disk. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#platform
    const startMs = clock.monotonicMs()
    const leftMs = () => Math.max(0, deadlineMs - (clock.monotonicMs() - startMs))
    await this.#spool.closeIntake(leftMs())
    while (!this.#spool.isDrained && leftMs() > LOOK_EVERY_MS && this.#pump.stillMs < SPOOL_DRAIN_STALL_MS) {
      await sleep(clock, LOOK_EVERY_MS)
    }
    this.#pump.stop()
    await this.#destination.close(this.#spool.isDrained ? leftMs() : Math.min(leftMs(), SPOOL_DRAIN_STALL_MS))
    await this.#pump.settled()
    const { messages, isDrained } = this.#spool
    await this.#spool.close()
    if (!isDrained) {
      this.#platform.log.info({ destination: this.name, messages }, 'the spool keeps what was not acknowledged')
    }
  }

  async reopen(): Promise<void> {
    await this.#destination.reopen?.()
  }
}
