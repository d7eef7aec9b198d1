// TCP lanes on fake connections, whose kernel is under the control of the test.

import { Fault } from '../../common/fault.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Connection, ConnectionEvents, Endpoint, Net } from '../../common/net/net.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import type { Platform } from '../../common/platform.ts'
import { systemRandom } from '../../common/random.ts'
import type { LaneOwner } from '../../shipper/forward/lane.ts'
import { Receivers } from '../../shipper/forward/receivers.ts'
import { TcpLane } from '../../shipper/forward/tcp-lane.ts'
import { WireEncoder } from '../../shipper/forward/wire-encoder.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

/** A connection whose kernel accepts a write when the test calls `take`. */
class HeldConnection implements Connection {
  readonly peer: Endpoint
  readonly writes: { readonly text: string; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    []
  events: ConnectionEvents | undefined
  ended = false
  destroyed = false
  /** Bytes accepted so far, including those of a write that is accepted in part. */
  takenBytes = 0
  /** How long the peer has acknowledged nothing of what was sent, ms. */
  unacknowledgedMs: number | undefined

  constructor(peer: Endpoint) {
    this.peer = peer
  }

  start(events: ConnectionEvents): void {
    this.events = events
  }

  write(bytes: Buffer): Promise<void> {
    const text = bytes.toString()
    return new Promise((resolve, reject) => this.writes.push({ text, resolve, reject }))
  }

  /** Lets the kernel accept the oldest write; returns its text. */
  take(): string {
    const { text, resolve } = this.writes.shift()!
    resolve()
    return text
  }

  reset(): void {
    for (const { reject } of this.writes.splice(0)) reject(new Error('reset'))
    this.events?.close(new Error('reset'))
  }

  pause(): void {}
  resume(): void {}
  end(): void {
    this.ended = true
  }
  destroy(): void {
    this.destroyed = true
    this.events?.close()
  }
}

export function lane(receivers: string[]) {
  const clock = new FakeClock()
  const metrics = createMetrics()
  const log = fakeLog()
  const asked: string[] = []
  const connections: HeldConnection[] = []
  const down = new Set<string>()
  const turns: (number | undefined)[] = []
  const net = {
    connect(to: Endpoint, _signal?: AbortSignal, turn?: number) {
      asked.push(to.host)
      turns.push(turn)
      if (down.has(to.host)) return Promise.reject(new Fault('CONNECTION_REFUSED', to.host, { retryable: true }))
      const connection = new HeldConnection(to)
      connections.push(connection)
      return Promise.resolve(connection)
    },
  } as unknown as Net
  const random = { ...systemRandom, fraction: () => 1 }
  const platform = { clock, metrics, log, net, random, slabs: new SlabPool() } as unknown as Platform
  const encoder = new WireEncoder('received', 'newline', random)
  const makes = receivers.map((host) => (owner: LaneOwner) => {
    return new TcpLane({ name: 'up', receiver: { host, port: 514 }, encoder, platform }, owner)
  })
  return {
    clock,
    metrics,
    log,
    asked,
    turns,
    connections,
    down,
    lane: new Receivers('up', 'failover', makes, platform),
  }
}

export const of = (...messages: string[]) => batchOf(messages, originOf(), 0)
