// The syslog source with TLS, on the real network: a failed handshake does not affect other connections.

import * as tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { MemorySink } from '../fake/sink.ts'
import { keysOf, pathOf } from '../tls/certificates.ts'
import { dial, LOOPBACK, serve, sourceOf } from './serving.ts'

const server = { cert: pathOf('server.crt'), key: pathOf('server.key') }
const listen = [`tls://${LOOPBACK}:0`]

/** Connects a sender, and waits for its handshake. Later errors of the connection are ignored. */
async function dialTls(port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: LOOPBACK, ...keysOf(undefined, 'ca'), ...options })
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => undefined)
  socket.resume()
  return socket
}

const handshakesFailed = 'sluice_tls_handshake_failed_total{source="network"}'
const connections = 'sluice_connections{source="network"}'

test('octet-counted messages arrive with the address of their peer (RFC 5425)', async () => {
  const sink = new MemorySink()
  const { port, counted } = await serve({ listen, tls: server }, sink)
  const socket = await dialTls(port)
  socket.write('9 <34>hello11 <34>goodbye')
  await expect.poll(() => sink.texts).toEqual(['<34>hello', '<34>goodbye'])
  expect(sink.batches[0].runs[0].origin.peer).toBe(LOOPBACK)
  expect(await counted(connections)).toBe(1)
  socket.end()
  await expect.poll(() => counted(connections)).toBe(0)
})

test('RELP over TLS is answered', async () => {
  const sink = new MemorySink()
  const { port } = await serve({ listen: [`relps://${LOOPBACK}:0`], tls: server }, sink)
  const socket = await dialTls(port)
  let answers = ''
  socket.on('data', (chunk: Buffer) => (answers += chunk.toString()))
  const offers = 'relp_version=0\nrelp_software=x\ncommands=syslog'
  socket.write(`1 open ${offers.length} ${offers}\n2 syslog 9 <34>hello\n`)
  await expect.poll(() => answers).toMatch(/^1 rsp .*200 OK/s)
  await expect.poll(() => answers).toMatch(/2 rsp 6 200 OK\n$/)
  expect(sink.texts).toEqual(['<34>hello'])
})

test('plain text is a failed handshake: counted, logged at a limited rate, and the next connection is read', async () => {
  const sink = new MemorySink()
  const { port, counted, platform } = await serve({ listen, tls: server }, sink)
  for (let i = 0; i < 3; i += 1) (await dial(port)).write('<34>this is plain\n')
  await expect.poll(() => counted(handshakesFailed)).toBe(3)
  const said = platform.log.lines.filter(({ text }) => text === 'TLS handshake failed')
  expect(said.map(({ values }) => values)).toEqual([
    { source: 'network', peer: LOOPBACK, reason: 'the peer does not speak TLS on this port' },
  ])
  expect(await counted(connections)).toBe(0)
  ;(await dialTls(port)).write('9 <34>hello')
  await expect.poll(() => sink.texts).toEqual(['<34>hello'])
})

test('with ca, a client without a certificate is refused, and one with it is read', async () => {
  const sink = new MemorySink()
  const { port, counted, platform } = await serve({ listen, tls: { ...server, ca: pathOf('ca.crt') } }, sink)
  ;(await dialTls(port)).write('9 <34>hello')
  await expect.poll(() => counted(handshakesFailed)).toBe(1)
  expect(platform.log.lines.at(-1)?.values).toMatchObject({ reason: 'the client shows no certificate' })
  ;(await dialTls(port, keysOf('client', 'ca'))).write('11 <34>goodbye')
  await expect.poll(() => sink.texts).toEqual(['<34>goodbye'])
})

test('max_connections includes connections in their handshake; a peer outside of allow is refused before its handshake', async () => {
  const sink = new MemorySink()
  const { port, counted } = await serve({ listen, tls: server, max_connections: 2 }, sink)
  const silent = await dial(port)
  await dial(port)
  await expect.poll(() => counted(connections)).toBe(2)
  await expect(dialTls(port)).rejects.toThrow()
  expect(await counted('sluice_connections_refused_total{source="network",reason="max_connections"}')).toBe(1)
  silent.destroy()
  await expect.poll(() => counted(connections)).toBe(1)
  ;(await dialTls(port)).write('9 <34>hello')
  await expect.poll(() => sink.texts).toEqual(['<34>hello'])
  expect(await counted(handshakesFailed)).toBe(0)

  const closed = await serve({ listen, tls: server, allow: ['192.0.2.1'] }, sink)
  await expect(dialTls(closed.port)).rejects.toThrow()
  expect(await closed.counted('sluice_connections_refused_total{source="network",reason="not_allowed"}')).toBe(1)
})

test('an incomplete frame is emitted when the connection is closed without close_notify', async () => {
  const sink = new MemorySink()
  const { port } = await serve({ listen, tls: server }, sink)
  const plain = await dial(port)
  plain.pause()
  const socket = tls.connect({ socket: plain, host: LOOPBACK, ...keysOf(undefined, 'ca') })
  socket.on('error', () => undefined)
  socket.write('9 <34>whole20 <34>hello')
  await expect.poll(() => sink.texts).toEqual(['<34>whole'])
  plain.destroy()
  await expect.poll(() => sink.texts).toEqual(['<34>whole', '<34>hello'])
})

test('stopping ends handshakes and established connections', async () => {
  const sink = new MemorySink()
  const { port, counted, stop, platform } = await serve({ listen, tls: server }, sink)
  const silent = await dial(port)
  const socket = await dialTls(port)
  socket.write('20 <34>hello')
  await expect.poll(() => counted(connections)).toBe(2)
  await stop()
  await expect.poll(() => silent.destroyed && socket.destroyed).toBe(true)
  await expect.poll(() => counted(connections)).toBe(0)
  expect(platform.log.lines.filter(({ text }) => text === 'TLS handshake failed')).toEqual([])
})

test('opening fails if certificate and key cannot be used', async () => {
  const source = sourceOf({ listen, tls: { ...server, key: pathOf('client.key') } })
  await expect(source.open()).rejects.toMatchObject({ code: 'TLS_KEYS' })
})
