import * as net from 'node:net'
import * as tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fault } from '../../common/fault.ts'
import type { Connection, TlsGreeting, TlsKeys, TlsVerify } from '../../common/net/net.ts'
import { systemNet } from '../../common/net/system-net.ts'
import { keysOf } from '../tls/certificates.ts'
import { until } from './until.ts'

const LOOPBACK = '127.0.0.1'

/** A TLS server whose handshakes end in `accepted` or in `faults`. */
async function serving(keys: TlsKeys = keysOf('server'), verify: TlsVerify = 'none') {
  const server = systemNet.tlsServer(keys, verify)
  const accepted: Connection[] = []
  const faults: Fault[] = []
  const listener = await systemNet.listen({ host: LOOPBACK, port: 0 }, (connection) => {
    server.secure(connection).then(
      (secured) => accepted.push(secured),
      (error: unknown) => faults.push(error as Fault),
    )
  })
  onTestFinished(async () => {
    await listener.close()
    for (const connection of accepted) connection.destroy()
  })
  return { port: listener.port, accepted, faults, server }
}

async function secured(port: number, greeting: Partial<TlsGreeting> = {}, signal?: AbortSignal): Promise<Connection> {
  const connection = await systemNet.connect({ host: LOOPBACK, port })
  const usual: TlsGreeting = { serverName: LOOPBACK, keys: keysOf(undefined, 'ca'), verify: 'required' }
  const made = await systemNet.secureTo(connection, { ...usual, ...greeting }, signal)
  onTestFinished(() => made.destroy())
  return made
}

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

function reading(connection: Connection) {
  const heard = { text: '', ended: false, closed: false, error: undefined as Error | undefined }
  connection.start({
    data: (chunk) => (heard.text += chunk.toString('latin1')),
    end: () => (heard.ended = true),
    close(error) {
      heard.closed = true
      heard.error = error
    },
  })
  return heard
}

/** A client of node:tls; whatever becomes of it is no error here. */
function client(port: number, options: tls.ConnectionOptions = {}): tls.TLSSocket {
  const socket = tls.connect({ port, host: LOOPBACK, ...keysOf(undefined, 'ca'), ...options })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

function plainClient(port: number): net.Socket {
  const socket = net.connect(port, LOOPBACK)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

/** A server of another make. */
async function foreign(options: tls.TlsOptions): Promise<number> {
  const server = tls.createServer({ ...keysOf('server'), ...options })
  server.on('tlsClientError', () => {})
  server.on('secureConnection', (socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  onTestFinished(() => void server.close())
  return (server.address() as net.AddressInfo).port
}

describe('a connection under TLS behaves as a plain one does', () => {
  test('bytes go both ways, and the peer is the TCP peer', async () => {
    const { port, accepted } = await serving()
    const here = await secured(port)
    await until('it is accepted', () => accepted.length === 1)
    const there = accepted[0]
    expect([here.peer.host, here.peer.port, there.peer.host]).toEqual([LOOPBACK, port, LOOPBACK])
    const heardThere = reading(there)
    const heardHere = reading(here)
    await here.write(Buffer.from('hello'))
    await until('it is heard', () => heardThere.text === 'hello')
    await there.write(Buffer.from('goodbye'))
    await until('the answer', () => heardHere.text === 'goodbye')
  })

  test('what comes with the handshake, and the end behind it, waits until reading begins', async () => {
    const { port, accepted } = await serving()
    const socket = client(port)
    socket.end('all there is to say')
    await until('it is accepted', () => accepted.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const heard = reading(accepted[0])
    await until('the end', () => heard.ended)
    expect(heard.text).toBe('all there is to say')
    accepted[0].end()
    await until('it is closed', () => heard.closed)
    expect(heard.error).toBeUndefined()
  })

  test('an end before reading begins is told when it does', async () => {
    const { port, accepted } = await serving()
    const socket = client(port)
    socket.once('secureConnect', () => socket.end())
    await until('it is accepted', () => accepted.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const heard = reading(accepted[0])
    await until('the end', () => heard.ended)
  })

  test('half-open: after the peer has ended, it can still be written to', async () => {
    const { port, accepted } = await serving()
    const here = await secured(port)
    const heard = reading(here)
    here.end()
    await until('it is accepted', () => accepted.length === 1)
    const there = reading(accepted[0])
    await until('the end', () => there.ended)
    await accepted[0].write(Buffer.from('goodbye'))
    accepted[0].end()
    await until('the answer', () => heard.ended)
    expect(heard.text).toBe('goodbye')
  })

  test('an end of the plain connection, without one of TLS, is an end', async () => {
    const { port, accepted } = await serving()
    const plain = plainClient(port)
    tls.connect({ socket: plain, ...keysOf(undefined, 'ca'), host: LOOPBACK }).on('error', () => {})
    await until('it is accepted', () => accepted.length === 1)
    const heard = reading(accepted[0])
    plain.destroy()
    await until('the end', () => heard.ended || heard.closed)
  })

  test('a reset is a close with an error, and a write after it a lost connection', async () => {
    const { port, accepted } = await serving()
    const plain = plainClient(port)
    tls.connect({ socket: plain, ...keysOf(undefined, 'ca'), host: LOOPBACK }).on('error', () => {})
    await until('it is accepted', () => accepted.length === 1)
    const heard = reading(accepted[0])
    plain.resetAndDestroy()
    await until('it is closed', () => heard.closed)
    expect(heard.error).toBeDefined()
    await expect(accepted[0].write(Buffer.from('x'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  })

  test('pausing stops the sender, resuming loses nothing', async () => {
    const { port, accepted } = await serving()
    const here = await secured(port)
    await until('it is accepted', () => accepted.length === 1)
    let bytes = 0
    accepted[0].start({ data: (chunk) => (bytes += chunk.length), end: () => undefined, close: () => undefined })
    accepted[0].pause()
    const mebibyte = Buffer.alloc(1024 * 1024, 'x')
    let taken = 0
    const sending = (async () => {
      for (let i = 0; i < 64; i += 1) {
        await here.write(mebibyte)
        taken += 1
      }
    })()
    let before = -1
    await until('the sender stands', async () => {
      const now = taken
      const stands = now === before
      before = now
      await new Promise((resolve) => setTimeout(resolve, 200))
      return stands
    })
    expect(taken).toBeLessThan(64)
    expect(bytes).toBeLessThan(1024 * 1024)
    accepted[0].resume()
    await sending
    await until('all of it', () => bytes === 64 * mebibyte.length)
  })

  test('garbage in the middle of it ends it', async () => {
    const { port, accepted } = await serving()
    const plain = plainClient(port)
    tls.connect({ socket: plain, ...keysOf(undefined, 'ca'), host: LOOPBACK }).on('error', () => {})
    await until('it is accepted', () => accepted.length === 1)
    const heard = reading(accepted[0])
    plain.write('<34>in the plain now\n')
    await until('it is closed', () => heard.closed)
    expect(heard.error).toBeDefined()
    expect(heard.text).toBe('')
  })
})

describe('a server says why a handshake failed, and goes on', () => {
  const failing: [name: string, verify: TlsVerify, begin: (port: number) => unknown, reason: RegExp][] = [
    ['plain text', 'none', (port) => plainClient(port).write('<34>hello, this is plain\n'), /does not speak TLS/],
    ['HTTP', 'none', (port) => plainClient(port).write('GET / HTTP/1.1\r\n\r\n'), /HTTP/],
    [
      'half a greeting',
      'none',
      (port) => plainClient(port).end(Buffer.from('1603010200', 'hex')),
      /ended .* in the handshake/,
    ],
    [
      'a reset in the greeting',
      'none',
      (port) => {
        const socket = plainClient(port)
        socket.write(Buffer.from('1603010200', 'hex'), () => setTimeout(() => socket.resetAndDestroy(), 50))
      },
      /(ended|reset) the connection in the handshake/,
    ],
    [
      'TLS 1.1',
      'none',
      (port) => client(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
      /old TLS/,
    ],
    [
      'a client that does not trust us',
      'none',
      (port) => client(port, keysOf(undefined, 'stranger-ca')),
      /may not trust our certificate|unknown ca/,
    ],
    ['no certificate', 'required', (port) => client(port), /shows no certificate/],
    ['no certificate, TLS 1.2', 'required', (port) => client(port, { maxVersion: 'TLSv1.2' }), /shows no certificate/],
    ['a stranger’s', 'required', (port) => client(port, keysOf('stranger', 'ca')), /refused: .*unknown ca/],
    [
      'a stranger’s, where none is needed',
      'optional',
      (port) => client(port, keysOf('stranger', 'ca')),
      /refused: .*unknown ca/,
    ],
    ['an expired one', 'required', (port) => client(port, keysOf('expired', 'ca')), /refused: it has expired/],
    [
      'one for servers only',
      'required',
      (port) => client(port, keysOf('server', 'ca')),
      /refused: it is not made for this/,
    ],
  ]
  test.each(failing)('%s, %s', async (_, verify, begin, reason) => {
    const { port, accepted, faults } = await serving(keysOf('server', 'ca'), verify)
    begin(port)
    await until('it failed', () => faults.length === 1)
    expect(faults[0].code).toBe('TLS_HANDSHAKE')
    expect(faults[0].detail).toMatch(reason)
    expect(faults[0].detail).not.toMatch(/routines|openssl/)
    expect(accepted).toEqual([])
    await secured(port, { keys: keysOf('client', 'ca') })
    await until('the next is accepted', () => accepted.length === 1)
  })

  test('many at once: each its own reason', async () => {
    const { port, faults, accepted } = await serving(keysOf('server', 'ca'), 'required')
    for (let i = 0; i < 10; i += 1) {
      client(port, keysOf('client', 'ca'))
      client(port, keysOf('expired', 'ca'))
      client(port)
      plainClient(port).write('<34>hello, this is plain\n')
    }
    await until('all are done', () => faults.length === 30 && accepted.length === 10)
    const of = (part: string) => faults.filter(({ detail }) => detail.includes(part)).length
    expect([of('expired'), of('no certificate'), of('does not speak')]).toEqual([10, 10, 10])
  })

  test('a probe is no failed handshake', async () => {
    const { port, faults } = await serving()
    plainClient(port).end()
    await until('it is over', () => faults.length === 1)
    expect(faults[0].code).toBe('CONNECTION_LOST')
  })

  test('a silent peer is given up', { timeout: 40_000 }, async () => {
    const { port, faults } = await serving()
    const socket = plainClient(port)
    await until('it failed', () => faults.length === 1, 30_000)
    expect(faults[0].detail).toMatch(/no handshake within 10 s/)
    await until('it is closed', () => socket.destroyed)
  })

  test('a certificate is optional: none is taken, a good one too', async () => {
    const { port, accepted } = await serving(keysOf('server', 'ca'), 'optional')
    client(port)
    await until('one', () => accepted.length === 1)
    client(port, keysOf('client', 'ca'))
    await until('two', () => accepted.length === 2)
  })

  test('renewed keys are shown to the next, and the connections that are there live on', async () => {
    const { port, accepted, server } = await serving()
    const shown = async () => {
      const socket = client(port)
      await new Promise((resolve) => socket.once('secureConnect', resolve))
      return socket.getPeerCertificate().serialNumber
    }
    const first = await secured(port)
    const before = await shown()
    server.renew(keysOf('renewed'))
    expect(await shown()).not.toBe(before)
    await until('all are accepted', () => accepted.length === 3)
    const heard = reading(accepted[0])
    await first.write(Buffer.from('still here'))
    await until('it is heard', () => heard.text === 'still here')
  })

  test('keys that cannot be used are a fault, and those before stay', async () => {
    const broken = { ...keysOf('server'), key: keysOf('client').key! }
    expect(() => systemNet.tlsServer(broken, 'none')).toThrow(/TLS_KEYS/)
    const { port, server } = await serving()
    expect(() => server.renew(broken)).toThrow(/TLS_KEYS/)
    await secured(port)
  })
})

describe('a client says why a handshake failed, and what can be done', () => {
  const failing: [name: string, server: TlsKeys, greeting: Partial<TlsGreeting>, reason: RegExp][] = [
    ['expired', keysOf('expired'), {}, /refused: it has expired/],
    ['a wrong name', keysOf('elsewhere'), { serverName: 'localhost' }, /not for localhost.*logs\.example\.org/],
    ['a wrong address', keysOf('elsewhere'), {}, /not for 127\.0\.0\.1/],
    ['an unknown ca', keysOf('stranger'), {}, /signed by an unknown ca; name its ca as `tls: \{ ca \}`/],
    ['only public cas', keysOf('server'), { keys: {} }, /signed by an unknown ca/],
    ['for clients only', keysOf('client'), {}, /not made for this/],
  ]
  test.each(failing)('%s', async (_, keys, greeting, reason) => {
    const { port } = await serving(keys)
    expect(await reasonOf(secured(port, greeting))).toMatch(reason)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('refused for want of a certificate, %s', async (version) => {
    const port = await foreign({ ...keysOf('server', 'ca'), requestCert: true, maxVersion: version })
    expect(await reasonOf(secured(port))).toMatch(/certificate/)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('refused for a stranger’s certificate, %s', async (version) => {
    const port = await foreign({ ...keysOf('server', 'ca'), requestCert: true, maxVersion: version })
    const keys = { ...keysOf('stranger', 'ca') }
    expect(await reasonOf(secured(port, { keys }))).toMatch(/certificate/)
  })

  test('refused by another of us', async () => {
    const { port } = await serving(keysOf('server', 'ca'), 'required')
    expect(await reasonOf(secured(port))).toMatch(/may want a client certificate/)
    expect(await reasonOf(secured(port, { keys: keysOf('stranger', 'ca') }))).toMatch(/may want a client certificate/)
  })

  test('an old TLS only', async () => {
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

  test('a port that says nothing is given up', { timeout: 40_000 }, async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
    onTestFinished(() => void server.close())
    const attempt = secured((server.address() as net.AddressInfo).port)
    expect(await reasonOf(attempt)).toMatch(/no handshake within 10 s; does this port speak TLS\?/)
  })

  test('a handshake is given up when told', async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
    onTestFinished(() => void server.close())
    const stop = new AbortController()
    const attempt = secured((server.address() as net.AddressInfo).port, {}, stop.signal)
    setTimeout(() => stop.abort(), 50)
    expect(await reasonOf(attempt)).toBe('stopped')
  })

  test('optional: a certificate that does not hold is told of', async () => {
    const told: string[] = []
    const { port } = await serving(keysOf('stranger'))
    await secured(port, { verify: 'optional', doubted: (reason) => told.push(reason) })
    expect(told.join()).toMatch(/unknown ca/)
  })

  test('none: nothing is looked at', async () => {
    const { port } = await serving(keysOf('expired'))
    await secured(port, { verify: 'none', doubted: () => expect.fail('told') })
  })

  test('a name that the certificate carries', async () => {
    const { port } = await serving()
    await secured(port, { serverName: 'localhost' })
  })
})
