// A `unix` source, and programs that send to its socket.

import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { systemClock, type Clock } from '../../common/clock.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { unixSource } from '../../shipper/source/unix.ts'
import { contextOf, suitePlatform } from '../conformance/surroundings.ts'

interface PackageSocket {
  on(event: string, listener: (error: unknown) => void): void
  send(datagram: Buffer, offset: number, length: number, path: string, done: (error?: { code: number }) => void): void
  close(): void
}

interface Surroundings {
  readonly messageBytesMax?: number
  readonly clock?: Clock
  /** Called between `open` and `run`. */
  readonly beforeRun?: () => Promise<unknown>
}

interface Package {
  createSocket(type: string): PackageSocket
}

// @ts-expect-error: the package has no types, and may not be installed.
const loaded: Promise<{ readonly default: Package } | undefined> = import('unix-dgram').catch(() => undefined)

/** Whether the package unix-dgram is installed; with SLUICE_REQUIRE_PEERS=1 it has to be. */
export const hasDatagrams = process.env['SLUICE_REQUIRE_PEERS'] === '1' || (await loaded) !== undefined

/** Suffix for the names of tests that are skipped without it. */
export const whereDatagrams = hasDatagrams ? '' : ' (skipped: unix-dgram is not built here)'

const EAGAIN = -11

/** A source with these options, as in the YAML, that runs until the test ends. */
export async function listening(options: object, sink: Sink, surroundings: Surroundings = {}) {
  const { messageBytesMax = 1024 * 1024, clock = systemClock, beforeRun } = surroundings
  const platform = { ...suitePlatform(), clock }
  const context = { ...contextOf('local', platform, '/nowhere'), messageBytesMax }
  const source = unixSource.create(unixSource.options.parse(options), context)
  await source.open()
  await beforeRun?.()
  const abort = new AbortController()
  const ended = source.run(sink, abort.signal)
  const stop = () => {
    abort.abort()
    return ended
  }
  onTestFinished(() => void stop())
  const counted = async (name: string) => (await platform.metrics.snapshot()).get(name) ?? 0
  return { platform, stop, counted }
}

/** Sends datagrams, each as soon as the kernel accepts it. Resolves to the number of times the socket was full. */
export async function sendDatagrams(path: string, datagrams: readonly (string | Buffer)[]): Promise<number> {
  const socket = (await loaded)!.default.createSocket('unix_dgram')
  let waits = 0
  for (const each of datagrams) {
    const datagram = Buffer.from(each)
    for (;;) {
      const code = await new Promise<number | undefined>((resolve) => {
        socket.send(datagram, 0, datagram.length, path, (error) => resolve(error?.code))
      })
      if (code === undefined) break
      if (code !== EAGAIN) throw new Error(`sendto: ${code}`)
      waits += 1
      await new Promise<void>((resolve) => systemClock.soon(resolve))
    }
  }
  socket.close()
  return waits
}

/** A connection to a stream socket, closed at the end of the test. */
export async function dial(path: string): Promise<Socket> {
  const socket = connect(path)
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  return socket
}
