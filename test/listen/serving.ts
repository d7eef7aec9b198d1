// A syslog source on loopback, on the real network.

import * as dgram from 'node:dgram'
import * as net from 'node:net'
import { onTestFinished } from 'vitest'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { systemClock, type Clock } from '../../common/clock.ts'
import type { ComponentContext } from '../../common/component.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import { systemNet } from '../../common/net/system-net.ts'
import type { Sink, Source } from '../../common/pipeline/sink.ts'
import { NO_INSTANCE } from '../../common/platform.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { systemRandom } from '../../common/random.ts'
import { fakeLog } from '../fake/log.ts'

export const LOOPBACK = '127.0.0.1'

export interface Surroundings {
  readonly clock?: Clock
  readonly disk?: Disk
  readonly messageBytesMax?: number
  /** Called between `open` and `run`. */
  readonly beforeRun?: (ports: readonly number[]) => Promise<void>
}

export function platformOf(clock: Clock = systemClock, disk: Disk = systemDisk) {
  const seams = { clock, disk, net: systemNet, random: systemRandom }
  return { ...seams, log: fakeLog(), metrics: createMetrics(), instance: NO_INSTANCE, slabs: new SlabPool() }
}

/** A source with these options, in the form that they have in YAML. */
export function sourceOf(options: object, platform = platformOf(), messageBytesMax = 1024 * 1024): Source {
  const context: ComponentContext = {
    ...{ name: 'network', platform, dataFolder: '/nowhere', hostName: 'here', messageBytesMax, localZone: utc },
  }
  return syslogSource.create(syslogSource.options.parse({ zone: 'UTC', ...options }), context)
}

/** Opens and runs a source, until the end of the test. */
export async function serve(
  options: object,
  sink: Sink,
  { clock, disk, messageBytesMax, beforeRun }: Surroundings = {},
) {
  const platform = platformOf(clock, disk)
  const source = sourceOf(options, platform, messageBytesMax)
  await source.open()
  const ports = platform.log.lines
    .filter(({ text }) => text === 'listening')
    .map(({ values }) => Number(values['port']))
  await beforeRun?.(ports)
  const abort = new AbortController()
  const running = source.run(sink, abort.signal)
  const stop = () => {
    abort.abort()
    return running
  }
  onTestFinished(() => void stop())
  const counted = async (name: string) => (await platform.metrics.snapshot()).get(name) ?? 0
  return { platform, port: ports[0], ports, stop, counted }
}

/** Connects a sender. Errors of the connection are ignored. */
export async function dial(port: number, host: string = LOOPBACK): Promise<net.Socket> {
  const socket = net.connect(port, host)
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => undefined)
  socket.resume()
  return socket
}

/** Sends the datagrams one by one, waiting for the kernel to accept each. */
export async function sendDatagrams(port: number, datagrams: readonly (string | Buffer)[]): Promise<void> {
  const socket = dgram.createSocket('udp4')
  for (const datagram of datagrams) {
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, port, LOOPBACK, (error) => (error ? reject(error) : resolve()))
    })
  }
  socket.close()
}

export const tcp = `tcp://${LOOPBACK}:0`
export const udp = `udp://${LOOPBACK}:0`
