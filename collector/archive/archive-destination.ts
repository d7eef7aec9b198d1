// The `archive` destination: passes batches to its worker thread as slab and range (shared memory, no copy), and settles
// their writes once the worker has committed them.
//
// A worker that dies is restarted. Every commit stores the number of the last write in it, so the archive itself tells which
// writes the dead worker had committed. The others are handed over again: their batches are still in memory, since a batch
// is only released when its write settles.

import type { Cancel } from '../../common/clock.ts'
import type { ComponentContext } from '../../common/component.ts'
import { accessData } from '../../common/data-access.ts'
import { DurableNames } from '../../common/durable-names.ts'
import { errnoOf, Fault, isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import {
  ARCHIVE_OPEN_BYTES_MAX,
  ARCHIVE_RETRY_FIRST_MS,
  ARCHIVE_RETRY_MAX_MS,
  ARCHIVE_SWEEP_MS,
  WORKER_MESSAGES_MAX,
} from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Platform } from '../../common/platform.ts'
import { batchBytes, hasStream, type Batch, type Origin } from '../../common/pipeline/batch.ts'
import type { Destination, StreamMarks } from '../../common/pipeline/sink.ts'
import { readFully } from '../../common/read-fully.ts'
import { Backoff } from '../../common/retry.ts'
import { withFile } from '../../common/with-file.ts'
import { WorkerThread } from '../../common/worker.ts'
import type { FromWorker, OriginData, RunData, StreamChange, ToWorker, WorkerData } from './archive-protocol.ts'
import { openArchive } from './reader.ts'
import { partBytesMaxOf, Retention, type RetentionOptions } from './retention.ts'
import { fileNameOf, type PartName } from './schema.ts'

interface OpenWrite {
  readonly id: number
  readonly payload: Batch | StreamChange
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (reason: Fault) => void
}

/** A request for the marks of streams that the worker has not answered yet. */
interface Question {
  readonly streams: readonly string[]
  readonly resolve: (positions: ReadonlyMap<string, number>) => void
  readonly reject: (reason: Fault) => void
}

const ORIGINS_MAX = 10_000
// Batches can be as small as one datagram, so their number is bounded as well as their bytes. The other half of the limit is
// left for all other messages.
const OPEN_MESSAGES_MAX = WORKER_MESSAGES_MAX / 2
// Byte 18 of an SQLite file, the file format write version, is 2 in WAL mode.
const WAL_MARK_AT = 18
const WAL_MARK = 2

export class ArchiveDestination implements Destination {
  readonly name: string
  readonly streams: StreamMarks = {
    marks: (ids) => this.#askMarks(ids),
    retire: (ids) => this.#add({ at: this.#platform.clock.now(), ends: ids }, 0),
  }
  readonly #platform: Platform
  readonly #folder: string
  readonly #retention: Retention
  readonly #partBytesMax: number
  readonly #warning: RateLimitedWarning
  readonly #backoff: Backoff
  readonly #instance: number
  #worker: WorkerThread<ToWorker, FromWorker> | undefined
  #nextId = 1
  #openBytes = 0
  /** All writes that have not settled, by id, in call order. */
  readonly #writes = new Map<number, OpenWrite>()
  /** Those of `#writes` that the worker does not have yet, in call order. */
  #held: OpenWrite[] = []
  #origins = new Map<Origin, number>()
  #nextOrigin = 0
  /**
   * Questions in the message that the worker is answering, and those for the next one. There is one message at a time, since thousands of
   * senders may ask at once, each several times.
   */
  #asked: readonly Question[] = []
  #questions: Question[] = []
  /** Set while a worker is starting: the promise of `#start`. */
  #opened: { resolve: () => void; reject: (reason: unknown) => void } | undefined
  /** Set while `close` waits for the worker. */
  #closed: (() => void) | undefined
  #closing = false
  /** Whether it was logged that nothing can be written, and not yet that this is over. */
  #isFailing = false
  #cancelSweep: Cancel | undefined
  #cancelRestart: Cancel | undefined

  constructor(options: RetentionOptions, { name, platform, dataFolder }: ComponentContext) {
    this.name = name
    this.#platform = platform
    this.#folder = `${dataFolder}/${name}`
    this.#retention = new Retention(this.#folder, options, platform)
    this.#partBytesMax = partBytesMaxOf(options)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#backoff = new Backoff(platform.random, ARCHIVE_RETRY_FIRST_MS, ARCHIVE_RETRY_MAX_MS)
    this.#instance = platform.random.bytes(6).readUIntBE(0, 6)
  }

  async open(): Promise<void> {
    const { disk } = this.#platform
    await accessData(this.#folder, async () => {
      await disk.makeFolder(this.#folder)
      // Of the folder's own name, and of the names in it that a killed process has created.
      await new DurableNames(disk).sync(`${this.#folder}/part`)
    })
    await this.#sweep()
    await this.#start()
  }

  write(batch: Batch): Promise<void> {
    if (batch.count === 0 && !hasStream(batch) && !this.#closing) return Promise.resolve()
    return this.#add(batch, batchBytes(batch))
  }

  #add(payload: Batch | StreamChange, bytes: number): Promise<void> {
    if (this.#closing) return Promise.reject(new Fault('STOPPING', `${this.name} takes nothing more`))
    return new Promise((resolve, reject) => {
      const write = { id: this.#nextId, payload, bytes, resolve, reject }
      this.#nextId += 1
      this.#writes.set(write.id, write)
      this.#held.push(write)
      this.#handOver()
    })
  }

  #askMarks(streams: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (!this.#worker) return Promise.reject(new Fault('STOPPING', `${this.name} is not open`, { retryable: true }))
    return new Promise((resolve, reject) => {
      this.#questions.push({ streams, resolve, reject })
      this.#ask()
    })
  }

  #ask(): void {
    if (this.#asked.length > 0 || this.#questions.length === 0) return
    this.#asked = this.#questions
    this.#questions = []
    const streams = new Set(this.#asked.flatMap(({ streams }) => streams))
    this.#worker?.post({ kind: 'marks', streams: [...streams] })
  }

  #answer(positions: ReadonlyMap<string, number>): void {
    for (const { streams, resolve } of this.#asked) {
      resolve(new Map(streams.flatMap((id) => (positions.has(id) ? [[id, positions.get(id)!]] : []))))
    }
    this.#asked = []
    this.#ask()
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    this.#cancelSweep?.()
    const { clock } = this.#platform
    if (this.#worker) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(deadlineMs, resolve)
        this.#closed = () => {
          cancel()
          resolve()
        }
        this.#askToClose()
      })
    }
    this.#cancelRestart?.()
    const worker = this.#worker
    this.#worker = undefined
    await worker?.finish({ kind: 'stop' })
    const stopping = new Fault('STOPPING', `${this.name} was stopped before it could write`)
    for (const { reject } of this.#writes.values()) reject(stopping)
    this.#writes.clear()
    this.#held = []
    this.#refuseQuestions(stopping)
  }

  #askToClose(): void {
    if (this.#held.length === 0) this.#worker?.post({ kind: 'close' })
  }

  #handOver(): void {
    const worker = this.#worker
    // While a worker is starting, writes are held back. Once it reports what is already stored, each of the others is handed
    // over exactly once.
    if (!worker || this.#opened) return
    while (this.#held.length > 0) {
      const [write] = this.#held
      if (this.#openBytes > 0 && this.#openBytes + write.bytes > ARCHIVE_OPEN_BYTES_MAX) return
      if (worker.open >= OPEN_MESSAGES_MAX) return
      this.#held.shift()
      this.#openBytes += write.bytes
      const { id, payload } = write
      if ('slab' in payload) this.#post(worker, id, payload)
      else worker.post({ kind: 'streams', id, ...payload })
    }
    if (this.#closing) this.#askToClose()
  }

  #post(worker: WorkerThread<ToWorker, FromWorker>, id: number, batch: Batch): void {
    const { slab, bounds, count, received, runs, marks } = batch
    const { buffer, byteOffset, length } = slab.bytes
    if (this.#origins.size >= ORIGINS_MAX) this.#origins.clear()
    const runData = runs.map(({ count, origin, received, stream }): RunData => {
      return { count, origin: this.#originNumber(worker, origin), received, stream }
    })
    worker.post({ kind: 'write', id, buffer, byteOffset, length, bounds, count, received, runs: runData, marks })
  }

  // An origin is sent to the worker once and is referred to by its number from then on; a number is never reused. Every
  // connection has an origin of its own, so both sides forget all origins whenever there are ORIGINS_MAX of them.
  #originNumber(worker: WorkerThread<ToWorker, FromWorker>, origin: Origin): number {
    const known = this.#origins.get(origin)
    if (known !== undefined) return known
    const first = this.#origins.size === 0
    const number = this.#nextOrigin
    this.#nextOrigin += 1
    this.#origins.set(origin, number)
    worker.post({ kind: 'origin', number, first, origin: originData(origin) })
    worker.answered()
    return number
  }

  /** Starts the worker; resolves once it has opened the archive and the open writes have been handed over. */
  async #start(): Promise<void> {
    const { disk } = this.#platform
    const { parts } = await openArchive(disk, this.#folder)
    const unsealed = await this.#unsealed(parts.slice(0, -1))
    const newest = parts.at(-1)
    if (newest) await this.#syncLog(`${this.#folder}/${fileNameOf(newest)}-wal`)
    // Closed in the meantime: nobody would stop the worker.
    if (this.#closing) return
    await new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject }
      this.#origins = new Map()
      this.#worker = new WorkerThread<ToWorker, FromWorker>({
        module: 'collector/archive/archive-worker',
        data: {
          ...{ folder: this.#folder, instance: this.#instance, partBytesMax: this.#partBytesMax },
          ...{ parts, unsealed },
        } satisfies WorkerData,
        onMessage: (message) => this.#onMessage(message),
        onDeath: (fault) => this.#onDeath(fault),
      })
    })
  }

  /**
   * Syncs a part's WAL. If a process was killed during a commit, SQLite treats as committed what is in the page cache, although
   * it may not be on disk yet. So it is synced before any source is told that it is stored. A failure is ignored here: the
   * worker opens the same files and reports it.
   */
  async #syncLog(path: string): Promise<void> {
    const file = await this.#platform.disk.open(path, 'read').catch(() => undefined)
    await file?.sync().catch(() => {})
    await file?.close()
  }

  async #unsealed(parts: readonly PartName[]): Promise<PartName[]> {
    const unsealed: PartName[] = []
    for (const part of parts) if (await this.#isUnsealed(`${this.#folder}/${fileNameOf(part)}`)) unsealed.push(part)
    return unsealed
  }

  // An old part that cannot be read, such as one that root restored from a backup, must not keep new messages out.
  async #isUnsealed(path: string): Promise<boolean> {
    const { disk, log } = this.#platform
    try {
      const [mark] = await withFile(disk, path, 'read', (file) => readFully(file, WAL_MARK_AT, 1))
      return mark === WAL_MARK
    } catch (error) {
      if (errnoOf(error) === undefined || isOutOfDescriptors(error)) throw error
      log.warn({ path, reason: reasonOf(error) }, 'a part of the archive cannot be read and is left as it is')
      return false
    }
  }

  #onMessage(message: FromWorker): void {
    const { log, metrics } = this.#platform
    const destination = this.name
    switch (message.kind) {
      case 'opened':
        for (const id of this.#writes.keys()) if (id <= message.settled) this.#settle(id)
        this.#held = [...this.#writes.values()]
        this.#openBytes = 0
        this.#opened?.resolve()
        this.#opened = undefined
        this.#handOver()
        return
      case 'settled':
        this.#backoff.reset()
        this.#endTrouble()
        this.#worker?.answered(message.ids.length)
        for (const id of message.ids) {
          const { bytes, payload } = this.#writes.get(id)!
          this.#openBytes -= bytes
          if ('slab' in payload) payload.defects = message.defects.get(id)
          this.#settle(id)
        }
        if (message.repeats > 0) metrics.count('sluice_repeats_total', { destination }, message.repeats)
        this.#handOver()
        return
      case 'marks':
        this.#worker?.answered()
        this.#answer(message.positions)
        return
      case 'trouble':
        this.#isFailing = true
        metrics.count('sluice_write_errors_total', { destination }, 1)
        this.#warning.warn({ destination, code: message.code }, `cannot write, will retry: ${message.detail}`)
        return
      case 'warning':
        log.warn({ destination, ...message.values }, message.text)
        return
      case 'closed':
        this.#closed?.()
    }
  }

  #endTrouble(): void {
    if (this.#isFailing) this.#platform.log.info({ destination: this.name }, 'can write again')
    this.#isFailing = false
  }

  #settle(id: number): void {
    const write = this.#writes.get(id)!
    this.#writes.delete(id)
    write.resolve()
  }

  #onDeath(fault: Fault): void {
    const { clock, log, metrics } = this.#platform
    this.#worker = undefined
    const cause = fault.cause instanceof Fault ? fault.cause : fault
    const isFull = cause.code === 'DISK_FULL'
    // The worker could not open the archive and no writes wait, as at the first start: `#start` rejects. A full disk is the
    // exception: it is waited for, then as later, so that it does not keep the other destinations from starting.
    if (this.#opened && this.#writes.size === 0 && !isFull) {
      this.#opened.reject(cause)
      this.#opened = undefined
      return
    }
    this.#opened?.resolve()
    this.#opened = undefined
    this.#isFailing = true
    const values = { destination: this.name, code: cause.code }
    if (isFull) this.#warning.warn(values, `cannot write, trying again: ${cause.detail}`)
    else log.error(values, `${fault.detail}; restarting it and writing again what it had not stored`)
    metrics.count('sluice_write_errors_total', { destination: this.name }, 1)
    this.#refuseQuestions(fault)
    if (this.#closing) {
      this.#closed?.()
      return
    }
    this.#cancelRestart = clock.after(this.#backoff.nextMs(), () => {
      this.#start().catch((error: unknown) =>
        this.#onDeath(new Fault('WORKER_DIED', reasonOf(error), { cause: error })),
      )
    })
  }

  #refuseQuestions({ code, detail }: Fault): void {
    for (const { reject } of [...this.#asked, ...this.#questions]) reject(new Fault(code, detail, { retryable: true }))
    this.#asked = []
    this.#questions = []
  }

  async #sweep(): Promise<void> {
    const { clock, log } = this.#platform
    try {
      const parts = await this.#retention.sweep()
      this.#worker?.post({ kind: 'seal', parts })
      this.#worker?.answered()
    } catch (error) {
      log.warn({ destination: this.name }, `cannot look for expired parts of the archive: ${reasonOf(error)}`)
    }
    if (!this.#closing) this.#cancelSweep = clock.after(ARCHIVE_SWEEP_MS, () => void this.#sweep())
  }
}

function originData(origin: Origin): OriginData {
  const { source, peer, lines, zone, host, hostForced, program, priority } = origin
  return {
    ...{ source, peer, lines, zone: zone.name, host: Uint8Array.from(host), hostForced: hostForced ?? false },
    ...{ program: Uint8Array.from(program), priority },
  }
}
