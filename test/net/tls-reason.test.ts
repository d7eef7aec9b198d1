// The reasons that a TLS client reports for failed handshakes.

import * as net from 'node:net'
import * as tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { Fault } from '../../common/fault.ts'
import type { TlsGreeting, TlsKeys } from '../../common/net/net.ts'
import { keysOf } from '../tls/certificates.ts'
import { LOOPBACK, secured, serving } from './tls-ends.ts'

async function reasonOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    expect(error).toBeInstanceOf(Fault)
    const { code, retryable, detail } = error as Fault
    expect([code, retryable]).toEqual(['TLS_HANDSHAKE', true])
    return detail
  }
  throw new Error('no fault')
}

/** Starts a TLS server that is not ours, with these options; `refused` is called when it has refused a client, and said so. */
async function foreign(options: tls.TlsOptions, refused: () => void = () => {}): Promise<number> {
  const server = tls.createServer({ ...keysOf('server'), ...options })
  server.on('tlsClientError', refused)
  server.on('secureConnection', (socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  onTestFinished(() => void server.close())
  return (server.address() as net.AddressInfo).port
}

const failing: [name: string, server: TlsKeys, greeting: Partial<TlsGreeting>, reason: RegExp][] = [
  ['expired', keysOf('expired'), {}, /refused: it has expired/],
  ['a wrong name', keysOf('elsewhere'), { serverName: 'localhost' }, /not for localhost.*logs\.example\.org/],
  ['a wrong address', keysOf('elsewhere'), {}, /not for 127\.0\.0\.1 \(DNS:logs\.example\.org\)/],
  ['an unknown ca', keysOf('stranger'), {}, /signed by an unknown ca; name its ca as `tls: \{ ca \}`/],
  ['only public cas', keysOf('server'), { keys: {} }, /signed by an unknown ca/],
  ['for clients only', keysOf('client'), {}, /not made for this/],
]
test.each(failing)('%s', async (_, keys, greeting, reason) => {
  const { port } = await serving(keys)
  expect(await reasonOf(secured(port, greeting))).toMatch(reason)
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)('refused because the client has no certificate, %s', async (version) => {
  const port = await foreign({ ...keysOf('server', 'ca'), requestCert: true, maxVersion: version })
  expect(await reasonOf(secured(port))).toMatch(/certificate/)
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'refused because the CA of the client certificate is unknown, %s',
  async (version) => {
    const port = await foreign({ ...keysOf('server', 'ca'), requestCert: true, maxVersion: version })
    const keys = { ...keysOf('stranger', 'ca') }
    expect(await reasonOf(secured(port, { keys }))).toMatch(/certificate/)
  },
)

test('refused while this process stands still', async () => {
  const standStill = () => {
    const goOn = Date.now() + 500
    while (Date.now() < goOn);
  }
  const port = await foreign({ ...keysOf('server', 'ca'), requestCert: true }, standStill)
  expect(await reasonOf(secured(port))).toMatch(/certificate/)
})

test('refused by another sluice', async () => {
  const { port } = await serving(keysOf('server', 'ca'), 'required')
  expect(await reasonOf(secured(port))).toMatch(/may want a client certificate/)
  expect(await reasonOf(secured(port, { keys: keysOf('stranger', 'ca') }))).toMatch(/may want a client certificate/)
})

test('a server with old TLS versions only', async () => {
  const port = await foreign({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  expect(await reasonOf(secured(port))).toMatch(/old TLS/)
})

test.each<[string, (socket: net.Socket) => unknown, RegExp]>([
  ['a port that closes', (socket) => socket.end(), /does this port speak TLS/],
  ['a port that answers in the plain', (socket) => socket.write('220 hello\r\n'), /does not speak TLS/],
  ['a port that resets', (socket) => socket.resetAndDestroy(), /does this port speak TLS|reset/],
])('%s', async (_, answer, reason) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  onTestFinished(() => void server.close())
  expect(await reasonOf(secured((server.address() as net.AddressInfo).port))).toMatch(reason)
})

test('a silent server is given up after the timeout', async () => {
  const server = net.createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  onTestFinished(() => void server.close())
  const attempt = secured((server.address() as net.AddressInfo).port)
  expect(await reasonOf(attempt)).toMatch(/no handshake within 10 s; does this port speak TLS\?/)
})

test('a handshake can be aborted', async () => {
  const server = net.createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  onTestFinished(() => void server.close())
  const stop = new AbortController()
  const attempt = secured((server.address() as net.AddressInfo).port, {}, stop.signal)
  setTimeout(() => stop.abort(), 50)
  expect(await reasonOf(attempt)).toBe('stopped')
})

test('optional: an invalid certificate is reported, and the connection is made', async () => {
  const told: string[] = []
  const { port } = await serving(keysOf('stranger'))
  await secured(port, { verify: 'optional', doubted: (reason) => told.push(reason) })
  expect(told.join()).toMatch(/unknown ca/)
})

test('none: the certificate is not checked', async () => {
  const { port } = await serving(keysOf('expired'))
  await secured(port, { verify: 'none', doubted: () => expect.fail('told') })
})

test('a server name that the certificate contains is accepted', async () => {
  const { port } = await serving()
  await secured(port, { serverName: 'localhost' })
})

test('it is enough if the certificate contains one of two names', async () => {
  const { port } = await serving()
  await secured(port, { serverName: 'logs.example.net', orName: 'localhost' })
  await secured(port, { serverName: 'localhost', orName: 'example.net' })
  const refused = secured(port, { serverName: 'logs.example.net', orName: 'example.net' })
  expect(await reasonOf(refused)).toMatch(/not for logs\.example\.net or example\.net/)
})
