// The RELP connection to one receiver, renewed until the lane is closed. A batch settles when the receiver has answered all of it.
//
//   open ──▶ plain receiver ──────────────▶ `syslog`, 128 at a time      after a loss: all unanswered again, counted as in doubt
//        └─▶ another sluice ──▶ `marks` ──▶ `batch`, 8 MiB at a time     after a loss: what is after the marks, once
//
// Between two sluices every message has a stream and a position: that of its source, or else of a stream that lives as long as
// this destination. The receiver's marks say how far it has stored each stream; batches up to there settle without being sent again.

import type { Cancel } from '../../common/clock.ts'
import { Fault, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import {
  CONNECT_WAIT_MS,
  RECEIVER_WELL_MS,
  RELP_ANSWER_WAIT_MS,
  RELP_BATCH_BYTES,
  RELP_STREAMS_MAX,
  RELP_WINDOW_BYTES,
} from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import { written } from '../../common/net/bind-fault.ts'
import type { Connection } from '../../common/net/net.ts'
import type { StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { BatchPacker } from '../../common/relp/batch-packer.ts'
import { batchData } from '../../common/relp/batch-writer.ts'
import { offersText, parseOffers } from '../../common/relp/offers.ts'
import { responseData } from '../../common/relp/response.ts'
import { writeStreams } from '../../common/relp/stream-lines.ts'
import { Backoff } from '../../common/retry.ts'
import { nameOf, plainDial, type Dial } from './dial.ts'
import type { Given, Lane, LaneOptions, LaneOwner } from './lane.ts'
import { RelpBatches, type BatchFrame } from './relp-batches.ts'
import { askStreams, firstLine, RelpPeer } from './relp-peer.ts'
import { RelpPending, type Pending } from './relp-pending.ts'
import type { WireEncoder } from './wire-encoder.ts'

const DONE = 200

export class RelpLane implements Lane {
  readonly to: string
  dropped = 0
  standsStill = false
  /** The marks of the receiver. Rejects while it is not connected. A receiver that is not a sluice has none. */
  readonly streams: StreamMarks = {
    marks: (ids) => this.#marks(ids),
    retire: (ids) => this.#retire(ids),
  }

  readonly #name: string
  readonly #dial: Dial
  readonly #encoder: WireEncoder
  readonly #platform: Platform
  readonly #owner: LaneOwner
  readonly #backoff: Backoff
  readonly #warning: RateLimitedWarning
  readonly #stop = new AbortController()
  readonly #pending = new RelpPending()
  readonly #batches: RelpBatches
  readonly #packer = new BatchPacker((fault) => this.#peer?.lose(fault.message))
  #peer: RelpPeer | undefined
  #isReady = false
  #readyMs = 0
  /** Whether it has acknowledged messages on this connection. */
  #hasStored = false
  /** Number of connections in a row that were of no use. */
  #turn = 0
  #hasBatch = false
  /** Streams of this destination that the receiver may know. */
  readonly #own = new Set<string>()
  /** Address of the receiver that answered `open` last. */
  #address = ''
  /** Number of messages that the receiver at `#doubtfulAt` may have stored; its marks tell once it is connected again. */
  #doubtful = 0
  #doubtfulAt = ''
  /** Bytes of messages in unanswered `batch` frames, and one for each frame. */
  #flying = 0
  #cancelRetry: Cancel | undefined
  #cancelPump: Cancel | undefined
  readonly #whenReady = new Set<() => void>()

  /** The receiver counts as up when it has answered `open` and, if it is a sluice, has sent its marks. */
  constructor(
    { name, receiver, encoder, platform }: LaneOptions,
    owner: LaneOwner,
    dial: Dial = plainDial(receiver, platform),
  ) {
    this.to = nameOf(receiver)
    this.#name = name
    this.#dial = dial
    this.#encoder = encoder
    this.#platform = platform
    this.#owner = owner
    this.#backoff = new Backoff(platform.random)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#batches = new RelpBatches(encoder)
  }

  /** Starts to connect, and keeps trying until `close`. */
  open(): Promise<void> {
    void this.#connect()
    return Promise.resolve()
  }

  give(given: Given): void {
    if (this.#stop.signal.aborted) return given.reject(this.#stopping())
    if (given.batch.runs.some(({ stream }) => !stream)) this.#own.add(given.own.id)
    this.#pending.push(given)
    this.#pumpSoon()
  }

  takeBack(): Given[] {
    // Without marks, messages in doubt were counted when the connection was lost. Batches go to the next receiver whole, so the
    // answered messages of the first one are in doubt as well.
    this.#countInDoubt(this.#doubtful + this.#pending.answered)
    this.#doubtful = 0
    return this.#pending.takeAll()
  }

  /** Rejects the batches that are not answered and ends the connection; if all are, with `close`, and within the deadline. */
  async close(deadlineMs: number): Promise<void> {
    // From here on the end of the connection is expected and not a loss: librelp sends `serverclose` after its answer.
    this.#stop.abort()
    // After the next start a source or a buffer sends unanswered batches again, and the receiver may have some of their messages.
    // Another sluice recognises them by its marks, but by then it may be down, and they go to another receiver.
    if (!this.#hasBatch || this.#owner.hasOthers) {
      this.#countInDoubt(this.#doubtful + this.#pending.rewind() + this.#pending.answered)
    }
    const rest = this.#pending.takeAll()
    for (const { reject } of rest) reject(this.#stopping())
    const peer = this.#peer
    if (peer && this.#isReady && rest.length === 0) {
      const own = [...this.#own]
      if (this.#hasBatch && own.length > 0) peer.ask('retire', writeStreams(own), { answered: () => {} })
      await this.#within(Math.min(CLOSE_WAIT_MS, deadlineMs), (done) => {
        peer.ask('close', '', { answered: done, lost: done })
      })
    }
    this.#cancelRetry?.()
    this.#cancelPump?.()
    for (const ready of this.#whenReady) ready()
    this.#peer?.lose('the lane is closed')
    await this.#packer.close()
  }

  #within(ms: number, begin: (done: () => void) => void): Promise<void> {
    return new Promise<void>((resolve) => {
      const cancel = this.#platform.clock.after(Math.max(0, ms), resolve)
      begin(() => {
        cancel()
        resolve()
      })
    })
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  async #connect(): Promise<void> {
    try {
      const connection = await this.#dial(this.#stop.signal, this.#turn)
      if (this.#stop.signal.aborted) return connection.destroy()
      this.#use(connection)
    } catch (error) {
      this.#retry(`no connection to ${this.to}`, error)
    }
  }

  #use(connection: Connection): void {
    const events = {
      syslogAnswered: (code: number) => this.#syslogAnswered(code),
      late: (silentMs: number, isFirst: boolean) => this.#late(peer, silentMs, isFirst),
      over: (reason: Error) => this.#lost(peer, reason),
    }
    const peer = new RelpPeer(connection, events, this.#platform.clock)
    this.#peer = peer
    this.#hasStored = false
    peer.start()
    peer.ask('open', offersText(true), {
      answered: (code, bytes, start, end) => {
        const offers = parseOffers(bytes, responseData(bytes, start, end), end)
        if (code !== DONE || !offers.hasSyslog) return peer.lose(`it refuses to open: ${firstLine(bytes, start, end)}`)
        this.#hasBatch = offers.hasBatch
        const address = written(connection.peer)
        this.#address = address
        this.#platform.log.info({ destination: this.#name, to: this.to, address, batch: offers.hasBatch }, 'connected')
        if (offers.hasBatch) void this.#resume(peer)
        else this.#ready()
      },
    })
  }

  /** Settles the batches that the receiver has stored according to its marks, and sends the rest. */
  async #resume(peer: RelpPeer): Promise<void> {
    const unfinished = new Set<string>()
    for (const { given } of this.#pending.all) {
      for (const { stream } of given.batch.runs) unfinished.add(stream?.id ?? given.own.id)
    }
    try {
      const marks = await this.#askMarks(peer, [...unfinished])
      if (this.#peer !== peer) return
      const { all } = this.#pending
      let stored = 0
      while (stored < all.length && this.#isStored(all[stored], marks)) stored += 1
      this.#doubtful = Math.max(0, this.#doubtful - this.#pending.skip(stored))
      this.#ready()
    } catch (error) {
      // If the connection was lost meanwhile, `#lost` has handled that.
      if (this.#peer === peer) peer.lose(reasonOf(error))
    }
  }

  #isStored({ given }: Pending, marks: ReadonlyMap<string, number>): boolean {
    const { batch, own } = given
    let at = own.from
    for (const { count, stream } of batch.runs) {
      at += count
      const to = stream ? stream.to : at
      if (!((marks.get(stream?.id ?? own.id) ?? -1) >= to)) return false
    }
    return true
  }

  #ready(): void {
    this.#isReady = true
    this.#readyMs = this.#platform.clock.monotonicMs()
    // A name may lead to several receivers, and the marks of one do not say what another one has stored.
    if (!this.#hasBatch || this.#address !== this.#doubtfulAt) this.#countInDoubt(this.#doubtful)
    this.#doubtful = 0
    this.#owner.changed(true)
    for (const ready of this.#whenReady) ready()
    this.#pump()
  }

  #lost(peer: RelpPeer, reason: Error): void {
    if (this.#peer !== peer) return
    this.#peer = undefined
    const wasQuiet = this.#isReady && this.#platform.clock.monotonicMs() - this.#readyMs >= RECEIVER_WELL_MS
    this.#isReady = false
    this.#flying = 0
    const messages = this.#pending.rewind()
    this.#turn = this.#hasStored || (wasQuiet && messages === 0) ? 0 : this.#turn + 1
    if (this.#stop.signal.aborted) return
    // Another sluice tells how far it has stored them once it is connected again; any other receiver may have them.
    if (!this.#hasBatch) this.#countInDoubt(messages)
    else if (messages > 0) [this.#doubtful, this.#doubtfulAt] = [messages, this.#address]
    this.#retry(`connection to ${this.to} lost`, reason)
  }

  // A receiver that has not answered `open`, or was silent on the connection before too (its disk is full, but it accepts
  // connections), is not worth the long wait if another one is available.
  #late(peer: RelpPeer, silentMs: number, isFirst: boolean): void {
    const isLost = silentMs >= RELP_ANSWER_WAIT_MS
    if (isLost || ((this.standsStill || !this.#isReady) && this.#owner.mayLeave())) {
      this.standsStill = true
      return peer.lose('it does not answer')
    }
    if (!isFirst) return
    const values = { destination: this.#name, to: this.to, seconds: Math.round(silentMs / 1000) }
    this.#platform.log.warn(values, 'the receiver is slow: it has not answered yet')
  }

  #countInDoubt(messages: number): void {
    if (messages > 0) {
      this.#platform.metrics.count('sluice_in_doubt_total', { destination: this.#name }, messages)
    }
  }

  #retry(what: string, error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#owner.changed(false)
    const ms = this.#backoff.nextMs()
    this.#platform.log.warn({ destination: this.#name, reason: reasonOf(error), retryMs: Math.round(ms) }, what)
    this.#cancelRetry = this.#platform.clock.after(ms, () => {
      this.#platform.metrics.count('sluice_reconnects_total', { destination: this.#name }, 1)
      void this.#connect()
    })
  }

  #pumpSoon(): void {
    this.#cancelPump ??= this.#platform.clock.soon(() => {
      this.#cancelPump = undefined
      this.#pump()
    })
  }

  #pump(): void {
    const peer = this.#peer
    if (!peer || !this.#isReady) return
    if (this.#hasBatch) this.#pumpBatches(peer)
    else this.#pumpCommands(peer)
  }

  // While a frame is unanswered, small batches wait to be joined to one frame: the slower the answers, the larger the frames.
  #pumpBatches(peer: RelpPeer): void {
    const pending = this.#pending
    while (pending.hasUnsent && this.#flying < RELP_WINDOW_BYTES && this.#packer.hasRoom) {
      if (this.#flying > 0 && pending.unsentBytes < RELP_BATCH_BYTES) return
      const frame = this.#batches.next(pending, this.#packer.content())
      const unpacked = frame.content.length
      // One more byte, so that a frame without messages, which only advances positions, also counts as unanswered.
      this.#flying += frame.bytes + 1
      this.#packer.pack(frame.content, (zstd) => {
        if (this.#peer === peer) this.#sendBatch(peer, batchData(zstd, frame.how, unpacked, frame.bytes), frame)
      })
    }
  }

  #sendBatch(peer: RelpPeer, data: readonly Uint8Array[], { bytes, batches, messages }: BatchFrame): void {
    peer.ask('batch', data, {
      answered: (code, answer, start, end) => {
        if (code !== DONE) return peer.lose(`it refuses a batch: ${firstLine(answer, start, end)}`)
        this.#flying -= bytes + 1
        this.#acknowledged()
        this.#pending.answeredUpTo(batches, messages)
        this.#pump()
      },
    })
    // The packer may have room for the next frame now.
    this.#pumpSoon()
  }

  #pumpCommands(peer: RelpPeer): void {
    const pending = this.#pending
    const output = new Output(Buffer.allocUnsafeSlow(COMMANDS_BYTES))
    while (pending.hasUnsent && peer.window > 0) {
      const { batch } = pending.next.given
      let i = pending.nextMessage
      let first = 0
      for (const run of batch.runs) {
        for (const last = first + run.count; i >= first && i < last && peer.window > 0; i += 1) {
          this.#encoder.addCommand(output, batch, i, run, peer.beginSyslog())
        }
        first += run.count
      }
      pending.sentUpTo(i)
    }
    if (output.length > 0) peer.send(output.written)
    pending.settleAnswered()
  }

  #syslogAnswered(code: number): void {
    if (code !== DONE) {
      // It would refuse this message the next time too.
      this.dropped += 1
      this.#platform.metrics.count('sluice_dropped_total', { reason: 'relp_refused', where: this.#name }, 1)
      this.#warning.warn({ destination: this.#name, to: this.to, code }, 'the receiver refused a message')
    }
    this.#acknowledged()
    this.#pending.answeredMessage()
    this.#pumpSoon()
  }

  #acknowledged(): void {
    this.#hasStored = true
    this.standsStill = false
    this.#backoff.reset()
  }

  // ── marks of streams ──

  async #marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const peer = await this.#readyPeer()
    return this.#hasBatch ? this.#askMarks(peer, ids) : new Map()
  }

  async #askMarks(peer: RelpPeer, ids: readonly string[]): Promise<Map<string, number>> {
    const marks = new Map<string, number>()
    for (let i = 0; i < ids.length; i += RELP_STREAMS_MAX) {
      const answer = await askStreams(peer, 'marks', writeStreams(ids.slice(i, i + RELP_STREAMS_MAX)))
      for (const [id, position] of answer) marks.set(id, position)
    }
    return marks
  }

  async #retire(ids: readonly string[]): Promise<void> {
    const peer = await this.#readyPeer()
    if (!this.#hasBatch) return
    for (let i = 0; i < ids.length; i += RELP_STREAMS_MAX) {
      await askStreams(peer, 'retire', writeStreams(ids.slice(i, i + RELP_STREAMS_MAX)))
    }
  }

  async #readyPeer(): Promise<RelpPeer> {
    if (!this.#isReady) {
      let ready = () => {}
      await this.#within(CONNECT_WAIT_MS, (done) => this.#whenReady.add((ready = done)))
      // Without this the set would grow while a receiver is down for days, since each sender that connects anew asks again.
      this.#whenReady.delete(ready)
    }
    if (this.#peer && this.#isReady) return this.#peer
    throw new Fault('CONNECTION_LOST', `no connection to ${this.to}`, { retryable: true })
  }
}

const CLOSE_WAIT_MS = 2_000
const COMMANDS_BYTES = 32 * 1024
