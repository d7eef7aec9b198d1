// The life of a daemon: how it stops, reopens its files on SIGHUP, and recovers from a kill.

import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { testWith } from './peers.ts'
import {
  daemon,
  type Daemon,
  freePort,
  launched,
  lineCount,
  logOf,
  rawFileServer,
  run,
  temporaryFolder,
  unsentTo,
  until,
} from './program.ts'

const counters = (from: Daemon) => logOf(from).findLast(({ msg }) => msg === 'counters')!

/** Accepts connections and reads nothing. */
const stalledPeer = () => peer((socket) => void socket.pause())

/** Accepts connections until the end of the test, and passes each to `take`. Resolves to the port. */
async function peer(take: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
    take(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Sends lines numbered from `from`, and does not wait until they are read. */
function sendNumbered(port: number, from: number, count: number, padding: string = ''): Socket {
  const lines = Array.from({ length: count }, (_, i) => `<13>Nov 20 10:00:00 h p: n=${from + i} ${padding}\n`)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.end(lines.join(''))
  onTestFinished(() => void socket.destroy())
  return socket
}

/** The numbers of the lines in files, in their order. */
function numbersIn(...paths: string[]): number[] {
  return paths.flatMap((path) =>
    [...readFileSync(path, 'latin1').matchAll(/n=(\d+) /g)].map(([, digits]) => Number(digits)),
  )
}

const everyNumber = (count: number) => Array.from({ length: count }, (_, i) => i)
const ascending = (numbers: number[]) => numbers.toSorted((a, b) => a - b)

// ── its log ──

test('every line on stderr is a JSON object, even with more sources than Node allows listeners without a warning', async () => {
  const folder = temporaryFolder()
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`)
  const sources = names.map((name) => `${name}: { type: unix, path: ${JSON.stringify(join(folder, name))} }`)
  const configuration = `sources: { ${sources.join(', ')} }\ndestinations: { out: { type: stdout } }\n`
  const server = await daemon('server', configuration, folder)
  expect(await server.stop()).toBe(0)
  const lines = server
    .output()
    .stderr.split('\n')
    .filter((line) => line !== '')
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual([])
})

// ── stopping ──

test('SIGTERM drains: all received messages are written, and the exit status is 0', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const out = join(folder, 'out.log')
  const server = await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw }, archive: { type: archive } }
`,
    folder,
  )
  sendNumbered(port, 0, 50_000)
  await until('some are written', () => lineCount(out) > 0)
  expect(await server.stop()).toBe(0)
  const totals = counters(server)
  expect(totals['sluice_stored_total{destination="out"}']).toBe(totals['sluice_received_total{source="in"}'])
  expect(totals['sluice_stored_total{destination="archive"}']).toBe(totals['sluice_received_total{source="in"}'])
  expect(lineCount(out)).toBe(totals['sluice_received_total{source="in"}'])
  expect(logOf(server).at(-1)).toMatchObject({ msg: 'sluice is down: everything in flight has been stored or counted' })
})

test('a stalled receiver does not hold up another destination, and a stop ends within `drain` and counts the rest', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const out = join(folder, 'out.log')
  const relay = await daemon(
    'relay',
    `drain: 1s
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] }, other: { type: syslog, listen: ["tcp://127.0.0.1:0"] } }
destinations:
  slow: { type: forward, to: ["tcp://127.0.0.1:${await stalledPeer()}"], buffer: none }
  out: { type: file, path: ${JSON.stringify(out)}, line: raw }
routes: [{ from: [in], to: [slow] }, { from: [other], to: [out] }]
`,
    folder,
  )
  const otherPort = Number(logOf(relay).find(({ source, port: bound }) => source === 'other' && bound)!['port'])
  sendNumbered(port, 0, 200_000, 'x'.repeat(100))
  await until('the full queue is logged', () =>
    logOf(relay).some(({ msg }) => String(msg).startsWith('destination queue is full')),
  )
  sendNumbered(otherPort, 0, 1000)
  await until('the other destination has everything', () => lineCount(out) === 1000)

  const before = Date.now()
  expect(await relay.stop()).toBe(0)
  expect(Date.now() - before).toBeLessThan(30_000)
  const totals = counters(relay)
  const lost = Number(totals['sluice_dropped_total{reason="stopping",where="in"}'])
  expect(lost).toBeGreaterThan(0)
  expect(Number(totals['sluice_stored_total{destination="slow"}']) + lost).toBe(
    totals['sluice_received_total{source="in"}'],
  )
  // The first warning counts the first batch, the last one counts all of them.
  const words = logOf(relay).filter(({ msg, source }) => msg === 'messages dropped' && source === 'in')
  expect(words.at(-1)).toMatchObject({ soFar: lost, reason: expect.stringContaining('STOPPING') as string })
  expect(words.length).toBeLessThanOrEqual(2)
})

test('a stop does not wait for a reader of standard output that reads nothing', async () => {
  const port = await freePort()
  const relay = await daemon(
    'relay',
    `drain: 1s
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: stdout } }
`,
  )
  relay.child.stdout!.pause()
  sendNumbered(port, 0, 200_000, 'x'.repeat(100))
  await until('the full queue is logged', () =>
    logOf(relay).some(({ msg }) => String(msg).startsWith('destination queue is full')),
  )
  const ended = new Promise((resolve) => relay.child.once('exit', resolve))
  relay.child.kill('SIGTERM')
  expect(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 60_000, 'still there'))])).toBe(0)
})

test('a stop does not wait for a receiver that never closes its side of the connection', async () => {
  const port = await freePort()
  const got: Buffer[] = []
  const sockets: Socket[] = []
  const receiver = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => got.push(chunk))
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    receiver.close()
  })
  const relay = await daemon(
    'relay',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${(receiver.address() as AddressInfo).port}"], framing: newline } }
`,
  )
  sendNumbered(port, 0, 100)
  const text = () => Buffer.concat(got).toString()
  await until('all is forwarded', () => text().includes('n=99 '))
  expect(await relay.stop()).toBe(0)
  expect(text().split('\n')).toHaveLength(101)
})

test('a client whose receiver is down stops within `drain`, and reads the lines again after the next start', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'app.log')
  writeFileSync(path, 'n=0 \nn=1 \n')
  const port = await freePort()
  const configuration = `drain: 1s
sources: { apps: { type: file, paths: [${JSON.stringify(path)}] } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${port}"] } }
`
  const client = await daemon('client', configuration, folder)
  const before = Date.now()
  expect(await client.stop()).toBe(0)
  expect(Date.now() - before).toBeLessThan(30_000)

  const out = join(folder, 'out.log')
  await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }\ndestinations: { out: { type: file, path: ${JSON.stringify(out)} } }\n`,
    folder,
  )
  appendFileSync(path, 'n=2 \n')
  await daemon('client', configuration, folder)
  await until('all are there', () => lineCount(out) >= 3)
  expect(numbersIn(out)).toEqual([0, 1, 2])
})

test('a client that is restarted continues where it stopped', async () => {
  const folder = temporaryFolder()
  const [path, out] = [join(folder, 'app.log'), join(folder, 'out.log')]
  const configuration = `sources: { apps: { type: file, paths: [${JSON.stringify(path)}] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw } }
`
  for (let round = 0; round < 3; round += 1) {
    appendFileSync(
      path,
      everyNumber(1000)
        .map((n) => `n=${round * 1000 + n} \n`)
        .join(''),
    )
    const client = await daemon('client', configuration, folder)
    await until('the round is written', () => lineCount(out) >= (round + 1) * 1000)
    expect(await client.stop()).toBe(0)
  }
  expect(numbersIn(out)).toEqual(everyNumber(3000))
})

// ── SIGHUP ──

test('SIGHUP reopens: later messages go to a new file, earlier ones are in the old one', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const out = join(folder, 'out.log')
  const server = await rawFileServer(port, out, folder)
  sendNumbered(port, 0, 1000)
  await until('the first are written', () => lineCount(out) === 1000)
  execFileSync('mv', [out, `${out}.1`])
  server.child.kill('SIGHUP')
  await until('it is logged', () => logOf(server).some(({ msg }) => msg === 'output files reopened'))
  sendNumbered(port, 1000, 1000)
  await until('the others are written', () => lineCount(out) === 1000)
  expect(numbersIn(`${out}.1`, out)).toEqual(everyNumber(2000))
})

const SIGHUP = 1

/** Whether a signal is in one of the sets that Linux shows of a process: `SigCgt` (handled), `ShdPnd` (pending) and so on. */
function hasSignal({ child }: Daemon, set: string, signal: number): boolean {
  const bits = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
  return ((BigInt(`0x${bits}`) >> BigInt(signal - 1)) & 1n) === 1n
}

/** Resolves once the program handles signals, which is before it loads its modules. */
async function untilItHandlesSignals(daemon: Daemon): Promise<void> {
  await until('it handles signals', () => hasSignal(daemon, 'SigCgt', SIGHUP))
}

test('SIGHUP at any moment of the start does not end the daemon', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  writeFileSync(
    join(folder, 'server.yaml'),
    `data: data
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: file, path: ${JSON.stringify(join(folder, 'out.log'))} } }
`,
  )
  const server = launched(['server', '-c', 'server.yaml'], { cwd: folder })
  await untilItHandlesSignals(server)
  const hanging = setInterval(() => void server.child.kill('SIGHUP'), 1)
  await server.up()
  clearInterval(hanging)
  expect(await server.stop()).toBe(0)
})

test('SIGTERM while the program is being loaded: the exit status is 0', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'server.yaml'), 'data: data\nsources: { in: { type: unix, path: socket } }\n')
  const server = launched(['server', '-c', 'server.yaml'], { cwd: folder })
  await untilItHandlesSignals(server)
  expect(await server.stop()).toBe(0)
})

test('SIGTERM during the start: the daemon drains, and the exit status is 0', async () => {
  const folder = temporaryFolder()
  const config = join(folder, 'server.yaml')
  const sources =
    'sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:0"] } }\ndestinations: { out: { type: stdout } }\n'
  writeFileSync(config, `data: data\n${sources}`)
  const server = launched(['server', '-c', config], { cwd: folder })
  await until('it has started', () => readdirSync(folder).includes('data'))
  expect(await server.stop()).toBe(0)
  expect(logOf(server)).toContainEqual(
    expect.objectContaining({ msg: 'stopping: accepting no more messages', reason: 'SIGTERM' }),
  )
})

test('SIGHUP while draining does not end the daemon early', async () => {
  const folder = temporaryFolder()
  appendFileSync(join(folder, 'in.log'), `${'x'.repeat(1000)}\n`.repeat(20_000))
  // The receiver stops reading for a while, so that the client has something to drain.
  let receiver: Socket | undefined
  const port = await peer((socket) => {
    socket.once('data', () => {
      socket.pause()
      receiver = socket
    })
  })
  const client = await daemon(
    'client',
    `drain: 60s
sources: { apps: { type: file, paths: [${JSON.stringify(join(folder, 'in.log'))}] } }
destinations: { out: { type: forward, to: ["tcp://127.0.0.1:${port}"] } }
`,
    folder,
  )
  const receiving = await until('it sends', () => receiver)
  // Before that, all that is left to send could disappear in the kernel, and the client could end.
  let [unsent, looks] = [0, 0]
  await until('the kernel takes no more', () => {
    const now = unsentTo(port)
    looks = now > 0 && now === unsent ? looks + 1 : 0
    unsent = now
    return looks >= 25
  })
  const stopped = client.stop()
  await until('it stops', () => logOf(client).some(({ msg }) => String(msg).startsWith('stopping')))
  client.child.kill('SIGHUP')
  await until('the signal was delivered', () => !hasSignal(client, 'ShdPnd', SIGHUP))
  receiving.resume()
  expect(await stopped).toBe(0)
})

testWith(
  ['logrotate'],
  'logrotate with create and a SIGHUP, five times under load: every line is stored once',
  async () => {
    const folder = temporaryFolder()
    const port = await freePort()
    const out = join(folder, 'out.log')
    const server = await rawFileServer(port, out, folder)
    const rules = join(folder, 'logrotate.conf')
    const postrotate = `postrotate\n    kill -HUP ${server.child.pid}\n  endscript`
    writeFileSync(rules, `${out} {\n  rotate 20\n  create 0640\n  ${postrotate}\n}\n`, { mode: 0o644 })
    const total = 100_000
    for (let round = 0; round < 5; round += 1) {
      const socket = sendNumbered(port, (round * total) / 5, total / 5)
      await until('there is something to rotate', () => lineCount(out) > 0)
      execFileSync('/usr/sbin/logrotate', ['-f', '-s', join(folder, 'logrotate.state'), rules])
      await new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve)))
    }
    const files = () =>
      readdirSync(folder)
        .filter((name) => name.startsWith('out.log'))
        .map((name) => join(folder, name))
    await until('all lines are there', () => files().reduce((sum, path) => sum + lineCount(path), 0) >= total)
    expect(files()).toHaveLength(6)
    expect(ascending(numbersIn(...files()))).toEqual(everyNumber(total))
  },
)

// ── kill -9 ──

test('kill -9 while following a file into a file and an archive, five times: every line is in both once', async () => {
  const folder = temporaryFolder()
  const [path, out] = [join(folder, 'app.log'), join(folder, 'out.log')]
  const configuration = `sources: { apps: { type: file, paths: [${JSON.stringify(path)}] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw }, archive: { type: archive } }
`
  const total = 100_000
  const round = total / 5
  for (let kill = 0; kill < 5; kill += 1) {
    const server = await daemon('server', configuration, folder)
    const before = lineCount(out)
    appendFileSync(
      path,
      everyNumber(round)
        .map((n) => `n=${kill * round + n} ${'x'.repeat(60)}\n`)
        .join(''),
    )
    await until('some of the round is written', () => lineCount(out) > before)
    await server.stop('SIGKILL')
  }
  const server = await daemon('server', configuration, folder)
  await until('all lines are there', () => lineCount(out) >= total)
  // The file may have had all of them at the last kill, when the archive had not.
  const archive = ['--archive', join(folder, 'data-server', 'archive')]
  const counted = async () => Number((await run(['grep', '-c', ...archive, 'n='])).stdout)
  await until('all lines are in the archive', async () => (await counted()) >= total)
  expect(await server.stop()).toBe(0)
  expect(numbersIn(out)).toEqual(everyNumber(total))
  const archived = await run(['grep', '-O', 'cat', ...archive])
  const kept = [...archived.stdout.matchAll(/^n=(\d+) /gm)].map(([, digits]) => Number(digits))
  expect(ascending(kept)).toEqual(everyNumber(total))
})
