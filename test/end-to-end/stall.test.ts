// A server that stands still with open connections (SIGSTOP), while clients and relays have an hour's worth of lines to send. Their
// memory must stay bounded, and when the server continues, every line must be stored once.

import { appendFileSync, readFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { daemon, freePort, lineCount, temporaryFolder, until, type Daemon } from './program.ts'

/** An hour of 500 lines a second; six minutes without `SLUICE_LONG`. */
const COUNT = process.env['SLUICE_LONG'] === undefined ? 180_000 : 1_800_000
const PIECE = 10_000
const PADDING = 'x'.repeat(100)
// Room for open writes, queues, slabs, and garbage that is not collected yet.
const GROWTH_MAX_MIB = 48
const DEADLINE_MS = 120_000
const TEST_MS = 300_000

let folder: string
let port: number

beforeEach(async () => {
  folder = temporaryFolder()
  port = await freePort()
})

const outPath = () => join(folder, 'out.log')
const upstream = (options = '') =>
  `destinations: { up: { type: forward, to: ["relp://127.0.0.1:${port}"]${options} } }\n`

async function stoppedServer(): Promise<Daemon> {
  const server = await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }
destinations: { out: { type: file, path: ${JSON.stringify(outPath())}, line: "{message}" } }
`,
    folder,
  )
  server.child.kill('SIGSTOP')
  return server
}

function linesOf(first: number, head = ''): string {
  return Array.from({ length: PIECE }, (_, i) => `${head}number ${first + i} ${PADDING}\n`).join('')
}

/** Resident memory of a process, MiB. */
function memoryOf({ child }: Daemon): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024
}

/** Watches the memory of a daemon until `isOver` returns true; returns its growth, MiB. */
async function growth(daemon: Daemon, what: string, isOver: () => boolean): Promise<number> {
  const first = memoryOf(daemon)
  let most = first
  await until(
    what,
    () => {
      most = Math.max(most, memoryOf(daemon))
      return isOver()
    },
    DEADLINE_MS,
  )
  return most - first
}

async function expectEachOnce(server: Daemon): Promise<void> {
  server.child.kill('SIGCONT')
  await until('all lines are there', () => lineCount(outPath()) >= COUNT, DEADLINE_MS)
  const numbers = new Set<string>()
  const lines = readFileSync(outPath(), 'latin1').split('\n').slice(0, -1)
  for (const line of lines) numbers.add(line.split(' ')[1])
  expect([lines.length, numbers.size]).toEqual([COUNT, COUNT])
}

/** A function that returns true once `holds` has returned true for `ms` without interruption. */
function lasting(ms: number, holds: () => boolean): () => boolean {
  let since = Date.now()
  return () => {
    if (!holds()) since = Date.now()
    return Date.now() - since >= ms
  }
}

test(
  'a client reads no further than its open writes may hold, and its memory stays bounded',
  async () => {
    const server = await stoppedServer()
    const input = join(folder, 'in.log')
    const client = await daemon(
      'client',
      `sources: { in: { type: file, paths: [${JSON.stringify(input)}] } }\n${upstream()}`,
      folder,
    )
    let written = 0
    const writeSome = () => {
      if (written === COUNT) return true
      appendFileSync(input, linesOf(written))
      written += PIECE
      return false
    }
    for (let i = 0; i < 10; i += 1) writeSome()
    await until(
      'it has read as much as it may',
      lasting(1_000, () => true),
    )
    expect(await growth(client, 'the hour is written', writeSome)).toBeLessThan(GROWTH_MAX_MIB)
    await expectEachOnce(server)
  },
  TEST_MS,
)

/** A TCP sender that writes `COUNT` messages as fast as they are accepted. */
function sender(to: number): { readonly socket: Socket; sent(): number } {
  const socket = connect(to, '127.0.0.1')
  let given = 0
  const give = () => {
    while (given < COUNT) {
      const isTaken = socket.write(linesOf(given, '<134>Oct 11 22:14:15 host app: '))
      given += PIECE
      if (!isTaken) return
    }
    socket.end()
  }
  socket.on('drain', give)
  socket.once('connect', give)
  onTestFinished(() => void socket.destroy())
  return { socket, sent: () => socket.bytesWritten }
}

test(
  'a relay without a buffer makes its senders wait, and its memory stays bounded',
  async () => {
    const server = await stoppedServer()
    const listen = await freePort()
    const relay = await daemon(
      'relay',
      `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${listen}"] } }\n${upstream(', buffer: none')}`,
      folder,
    )
    const feed = sender(listen)
    let before = -1
    const isStopped = lasting(1_000, () => {
      const isSame = feed.sent() === before
      before = feed.sent()
      return isSame
    })
    await until('the sender is stopped', isStopped, DEADLINE_MS)
    expect(feed.sent()).toBeLessThan(COUNT * PADDING.length)
    expect(
      await growth(
        relay,
        'the stall goes on',
        lasting(3_000, () => true),
      ),
    ).toBeLessThan(GROWTH_MAX_MIB)
    await expectEachOnce(server)
  },
  TEST_MS,
)

test(
  'a relay with a buffer puts everything on disk, and its memory stays bounded',
  async () => {
    const server = await stoppedServer()
    const listen = await freePort()
    const relay = await daemon(
      'relay',
      `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${listen}"] } }\n${upstream()}`,
      folder,
    )
    const { socket } = sender(listen)
    let first = 0
    socket.once('drain', () => (first = memoryOf(relay)))
    let isOver = false
    socket.once('close', () => (isOver = true))
    await until('the first is taken', () => first > 0, DEADLINE_MS)
    await until(
      'the load is on',
      lasting(500, () => true),
    )
    expect(await growth(relay, 'all of it is taken', () => isOver)).toBeLessThan(GROWTH_MAX_MIB)
    await expectEachOnce(server)
  },
  TEST_MS,
)

test(
  'a relay without a buffer makes a RELP client wait, and the memory of both stays bounded',
  async () => {
    const server = await stoppedServer()
    const listen = await freePort()
    const input = join(folder, 'in.log')
    const relay = await daemon(
      'relay',
      `sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${listen}"] } }\n${upstream(', buffer: none')}`,
      folder,
    )
    const client = await daemon(
      'client',
      `sources: { in: { type: file, paths: [${JSON.stringify(input)}] } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${listen}"] } }
`,
      folder,
    )
    let written = 0
    const writeSome = () => {
      if (written === COUNT) return true
      appendFileSync(input, linesOf(written))
      written += PIECE
      return false
    }
    // Write enough that both hold all they may before the first measurement.
    while (written < COUNT / 2) writeSome()
    await until(
      'both hold as much as they may',
      lasting(2_000, () => true),
    )
    const [ofRelay, ofClient] = await Promise.all([
      growth(relay, 'the hour is written', writeSome),
      growth(client, 'the hour is written', () => written === COUNT),
    ])
    expect(ofRelay).toBeLessThan(GROWTH_MAX_MIB)
    expect(ofClient).toBeLessThan(GROWTH_MAX_MIB)
    await expectEachOnce(server)
  },
  TEST_MS,
)

/** A counter in the line of counters that a daemon logs when it stops. */
function counted(daemon: Daemon, name: string): number {
  const lines = daemon.output().stderr.split('\n').slice(0, -1)
  const counters = lines
    .map((line) => JSON.parse(line) as Record<string, number | string>)
    .filter(({ msg }) => msg === 'counters')
  return Number(counters.at(-1)?.[name] ?? 0)
}

test(
  'a relay without a buffer counts every datagram that it drops, and its memory stays bounded',
  async () => {
    const server = await stoppedServer()
    const listen = await freePort()
    const relay = await daemon(
      'relay',
      `sources: { in: { type: syslog, listen: ["udp://127.0.0.1:${listen}"] } }\n${upstream(', buffer: none')}`,
      folder,
    )
    const socket = createSocket('udp4')
    onTestFinished(() => void socket.close())
    const send = (text: string) =>
      new Promise<void>((resolve, reject) => {
        socket.send(text, listen, '127.0.0.1', (error) => (error ? reject(error) : resolve()))
      })
    let sent = 0
    const sendSome = async (upTo: number) => {
      while (sent < upTo) {
        const some = Array.from({ length: 100 }, (_, i) =>
          send(`<134>Oct 11 22:14:15 host app: number ${sent + i} ${PADDING}`),
        )
        sent += some.length
        await Promise.all(some)
        // The kernel takes them at once: without this nothing else would be looked at in the meantime, nor heard of the relay.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await sendSome(COUNT / 2)
    let isOver = false
    const rest = sendSome(COUNT).then(() => (isOver = true))
    expect(await growth(relay, 'the hour is sent', () => isOver)).toBeLessThan(GROWTH_MAX_MIB)
    await rest
    const isSaid = () => relay.output().stderr.includes('messages dropped: the destinations are too slow')
    await until('it says that it drops some', isSaid, DEADLINE_MS)
    server.child.kill('SIGCONT')
    expect(await relay.stop()).toBe(0)
    const received = counted(relay, 'sluice_received_total{source="in"}')
    const full = counted(relay, 'sluice_dropped_total{reason="udp_queue_full",where="in"}')
    const kernel = counted(relay, 'sluice_dropped_total{reason="udp_kernel",where="in"}')
    expect([received + full + kernel, full > 0]).toEqual([COUNT, true])
    await until('what was taken is stored', () => lineCount(outPath()) >= received, DEADLINE_MS)
    const numbers = readFileSync(outPath(), 'latin1')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ')[1])
    expect([numbers.length, new Set(numbers).size]).toEqual([received, received])
  },
  TEST_MS,
)
