// The disk buffer of a relay: the receiver is down, the relay is stopped or killed, and nothing is lost.

import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  daemon,
  type Daemon,
  freePort,
  lineCount,
  newConfig,
  rawFileServer,
  run,
  spoolTotals,
  temporaryFolder,
  until,
} from './program.ts'

const LINES = 5_000
const messageOf = (i: number) => `<134>Oct 11 22:14:15 host app: number ${i}`

function send(port: number, from: number, to: number): Promise<void> {
  const lines = Array.from({ length: to - from }, (_, i) => `${messageOf(from + i)}\n`)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(lines.join('')))
    socket.once('close', () => resolve()).once('error', reject)
  })
}

/** Starts a relay that listens on `port` and forwards to the port `to`, both over TCP; its spool is `spoolIn(folder)`. */
function relayTo(to: number, port: number, folder: string, buffer?: string): Promise<Daemon> {
  const source = `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }\n`
  const more = buffer === undefined ? '' : `, buffer: ${buffer}`
  return daemon(
    'relay',
    `${source}destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${to}"]${more} } }\n`,
    folder,
  )
}

const spoolIn = (folder: string) => join(folder, 'data-relay', 'spool', 'up')
const waiting = async (spool: string) => (await spoolTotals(spool)).waiting
const stored = async (spool: string) => (await spoolTotals(spool)).messages

test('messages that a relay receives while its receiver is down survive kill -9, and arrive once', async () => {
  const folder = temporaryFolder()
  const [relayPort, serverPort] = [await freePort(), await freePort()]
  const relay = () => relayTo(serverPort, relayPort, folder)
  const spool = spoolIn(folder)
  const first = await relay()
  await send(relayPort, 0, LINES)
  await until('all messages are in the spool', async () => (await waiting(spool)) === LINES)

  const cat = await run(['spool', 'cat', '-O', 'raw', spool])
  expect(cat.stdout.split('\n').slice(0, -1)).toEqual(Array.from({ length: LINES }, (_, i) => messageOf(i)))
  expect(await run(['spool', 'check', spool])).toMatchObject({ status: 0 })
  const short = await run(['spool', 'cat', spool])
  expect(short.stdout.split('\n')[7]).toBe('Oct 11 22:14:15 host app: number 7')
  await first.stop('SIGKILL')

  const out = join(folder, 'out.log')
  await rawFileServer(serverPort, out, folder)
  const second = await relay()
  await until('all messages are in the file', () => lineCount(out) >= LINES)
  expect(readFileSync(out, 'latin1').split('\n').slice(0, -1)).toEqual(
    Array.from({ length: LINES }, (_, i) => messageOf(i)),
  )
  await until('everything is acknowledged', async () => (await waiting(spool)) === 0)
  expect((await run(['spool', 'cat', spool])).stdout).toBe('')
  expect(await second.stop()).toBe(0)
})

test('damage in the last record written before a clean stop is not taken for a torn tail: it is reported and not cut', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const receiverPort = await freePort()
  const relay = await relayTo(receiverPort, port, folder)
  const spool = spoolIn(folder)
  await send(port, 0, 2)
  await until('the messages are in the spool', async () => (await waiting(spool)) === 2)
  expect(await relay.stop()).toBe(0)

  const [name] = readdirSync(spool).filter((name) => name.endsWith('.spool'))
  const bytes = readFileSync(join(spool, name))
  bytes[bytes.indexOf('number 1')] ^= 1
  writeFileSync(join(spool, name), bytes)
  const check = await run(['spool', 'check', spool])
  expect(check.status).toBe(1)
  expect(check.stdout).toContain('1 place is damaged')
  expect(await (await relayTo(receiverPort, port, folder)).stop()).toBe(0)
  expect(readFileSync(join(spool, name))).toEqual(bytes)
})

test('`sluice spool` reports damage by place and by exit status, and for a wrong folder where the spools are', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const relay = await relayTo(await freePort(), port, folder)
  const spool = spoolIn(folder)
  for (let i = 0; i < 3; i += 1) {
    await send(port, i, i + 1)
    await until('the message is in the spool', async () => (await waiting(spool)) === i + 1)
    if (i > 0) continue
    expect((await run(['spool', 'check', spool])).stdout).toBe('1 record is whole, 0 places are damaged\n')
  }
  await relay.stop('SIGKILL')

  const segment = join(
    spool,
    readdirSync(spool).find((name) => name.endsWith('.spool'))!,
  )
  const bytes = readFileSync(segment)
  bytes[bytes.indexOf('number 1')] ^= 1
  writeFileSync(segment, bytes)
  const check = await run(['spool', 'check', spool])
  expect(check.status).toBe(1)
  expect(check.stdout).toContain('2 records are whole, 1 place is damaged')
  const passedOver = /^.*\.spool: at byte \d+, \d+ of \d+ bytes are damaged and skipped\n$/
  const cat = await run(['spool', 'cat', '-O', 'raw', spool])
  expect(cat).toMatchObject({ status: 1, stdout: `${messageOf(0)}\n${messageOf(2)}\n` })
  expect(cat.stderr).toMatch(passedOver)
  const ls = await run(['spool', 'ls', spool])
  expect(ls.status).toBe(1)
  expect(ls.stderr).toMatch(passedOver)

  const wrong = await run(['spool', 'ls', join(folder, 'data-relay')])
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toContain(`there is no spool here; there is ${spool}`)
  expect(existsSync(join(folder, 'nothing'))).toBe(false)
  expect(await run(['spool', 'check', join(folder, 'nothing')])).toMatchObject({ status: 2 })
  expect(existsSync(join(folder, 'nothing'))).toBe(false)

  const path = newConfig(
    `data: ${JSON.stringify(folder)}
sources: { in: { type: stdin } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:1"], buffer: { max: 1GiB } } }
routes: [{ to: [up] }]
`,
  )
  const misspelt = await run(['spool', 'ls', '-c', path, 'upp'])
  expect(misspelt.status).toBe(2)
  expect(misspelt.stderr).toContain('there is no destination "upp" with a buffer; there is up\n')

  // A link to itself is an error even for root.
  const loop = join(folder, 'loop')
  symlinkSync(loop, loop)
  for (const action of ['ls', 'cat', 'check']) {
    const unreadable = await run(['spool', action, loop])
    expect(unreadable.status).toBe(2)
    expect(unreadable.stderr).toMatch(/^\S*loop: ELOOP: [^\n]*\n$/)
  }
})

test('a relay with `buffer: none` has no spool on disk', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  await relayTo(await freePort(), port, folder, 'none')
  expect(existsSync(join(folder, 'data-relay', 'spool'))).toBe(false)
})

test('a relay that is stopped while its receiver stalls drops nothing, and sends the rest after the next start', async () => {
  const folder = temporaryFolder()
  const relayPort = await freePort()
  const received: Buffer[] = []
  let stalls = true
  const receiver = createServer((socket) => {
    socket.on('error', () => {})
    if (stalls) socket.pause()
    else socket.on('data', (chunk: Buffer) => received.push(chunk))
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void receiver.close())
  const { port } = receiver.address() as AddressInfo
  const relay = () => {
    return daemon(
      'relay',
      `drain: 60s
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${relayPort}"] } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${port}"], framing: newline } }
`,
      folder,
    )
  }
  const count = 200_000
  const spool = spoolIn(folder)
  const first = await relay()
  await send(relayPort, 0, count)
  await until('all messages are in the spool', async () => (await stored(spool)) === count)
  const before = Date.now()
  expect(await first.stop()).toBe(0)
  expect(Date.now() - before).toBeLessThan(30_000)
  expect(first.output().stderr).not.toContain('dropped')
  // What the kernels of both sides had accepted counts as acknowledged, since plain TCP has no acknowledgement.
  const rest = await waiting(spool)
  expect(rest).toBeGreaterThan(count / 2)

  stalls = false
  const second = await relay()
  await until('the rest has been sent', async () => (await waiting(spool)) === 0)
  expect(await second.stop()).toBe(0)
  const numbers = [
    ...Buffer.concat(received)
      .toString('latin1')
      .matchAll(/number (\d+)\n/g),
  ].map(([, i]) => Number(i))
  expect(numbers.slice(-rest)).toEqual(Array.from({ length: rest }, (_, i) => count - rest + i))
})

test('a spool whose destination no longer has a buffer is logged with its number of messages, and sent once it has one again', async () => {
  const folder = temporaryFolder()
  const [relayPort, serverPort] = [await freePort(), await freePort()]
  const relay = (buffer: string) => relayTo(serverPort, relayPort, folder, buffer)
  const spool = spoolIn(folder)
  const first = await relay('{ max: 64MiB }')
  expect(first.output().stderr).not.toContain('no destination reads it')
  await send(relayPort, 0, 100)
  await until('all messages are in the spool', async () => (await waiting(spool)) === 100)
  await first.stop('SIGTERM')

  const second = await relay('none')
  // It is read once sluice is up: a large one would delay the start.
  const said = /"sluice is up".*"messages":100,"msg":"a spool holds messages, but no destination reads it/s
  await until('the spool is named', () => said.test(second.output().stderr))
  expect(second.output().stderr).toContain(spool)
  await second.stop('SIGTERM')

  const out = join(folder, 'out.log')
  await rawFileServer(serverPort, out, folder)
  await relay('{ max: 64MiB }')
  await until('all messages are in the file', () => lineCount(out) === 100)
})
