// RELP lanes on an in-memory network.

import { onTestFinished } from 'vitest'
import { createMetrics } from '../../common/metric.ts'
import { systemPlatform } from '../../common/platform.ts'
import type { LaneOwner } from '../../shipper/forward/lane.ts'
import { Receivers } from '../../shipper/forward/receivers.ts'
import { RelpLane } from '../../shipper/forward/relp-lane.ts'
import { WireEncoder, type WireFormat } from '../../shipper/forward/wire-encoder.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'

export const PORT = 2514
export const WAIT = { timeout: 20_000 }
export const ID = '0123456789abcdef0123456789abcdef'

export function surroundings() {
  const net = new FakeNet()
  const clock = new FakeClock()
  const metrics = createMetrics()
  const log = fakeLog()
  return { net, clock, metrics, log, platform: { ...systemPlatform(log, metrics), net, clock } }
}

export type Surroundings = ReturnType<typeof surroundings>

export function laneTo({ platform }: Surroundings, format: WireFormat = 'received', ports = [PORT]) {
  const health: boolean[] = []
  const makes = ports.map((port) => (owner: LaneOwner) => {
    const encoder = new WireEncoder(format, 'octet', platform.random)
    return new RelpLane(
      { name: 'up', receiver: { host: 'h', port }, encoder, platform },
      {
        ...owner,
        changed: (is) => {
          health.push(is)
          owner.changed(is)
        },
      },
    )
  })
  const lane = new Receivers('up', 'failover', makes, platform)
  onTestFinished(() => void lane.close(0)) // not awaited: its deadline needs the fake clock
  return { lane, health }
}

export const of = (...messages: string[]) => batchOf(messages, originOf(), 0)
