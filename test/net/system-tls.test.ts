import * as tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { TlsVerify } from '../../common/net/net.ts'
import { systemNet } from '../../common/net/system-net.ts'
import { keysOf } from '../tls/certificates.ts'
import { pauseAndResume, reading } from './connections.ts'
import { client, LOOPBACK, plainClient, secured, serving } from './tls-ends.ts'
import { until } from './until.ts'

describe('a connection under TLS behaves like a plain one', () => {
  test('bytes go both ways, and the peer is that of the TCP connection', async () => {
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

  test('`takenBytes` counts the part of a write that the kernel has accepted', async () => {
    const { port, accepted } = await serving()
    const here = await secured(port)
    await until('it is accepted', () => accepted.length === 1)
    const bytes = Buffer.alloc(32 * 1024 * 1024)
    let isTaken = false
    const written = here.write(bytes).then(() => (isTaken = true))
    await until('the kernels have some of it', () => here.takenBytes! > 0)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const before = here.takenBytes!
    expect([isTaken, before < bytes.length]).toEqual([false, true])
    reading(accepted[0])
    await until('more is taken', () => here.takenBytes! > before)
    await written
    expect(here.takenBytes).toBeGreaterThan(bytes.length)
  })

  test('data that arrives with the handshake, and the end after it, are kept until `start`', async () => {
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

  test('an end before `start` is reported after `start`', async () => {
    const { port, accepted } = await serving()
    const socket = client(port)
    socket.once('secureConnect', () => socket.end())
    await until('it is accepted', () => accepted.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const heard = reading(accepted[0])
    await until('the end', () => heard.ended)
  })

  test('half-open: after the peer has closed its side, it can still be written to', async () => {
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

  test('an end of the TCP connection without close_notify is an end', async () => {
    const { port, accepted } = await serving()
    const plain = plainClient(port)
    tls.connect({ socket: plain, ...keysOf(undefined, 'ca'), host: LOOPBACK }).on('error', () => {})
    await until('it is accepted', () => accepted.length === 1)
    const heard = reading(accepted[0])
    plain.destroy()
    await until('the end', () => heard.ended || heard.closed)
  })

  test('after a reset, `close` has an error, and a write rejects with CONNECTION_LOST', async () => {
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

  test('pausing stops the sender, and after resuming nothing is lost', async () => {
    const { port, accepted } = await serving()
    const here = await secured(port)
    await until('it is accepted', () => accepted.length === 1)
    await pauseAndResume(here, accepted[0])
  })

  test('an invalid TLS record ends the connection', async () => {
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

describe('a server reports why a handshake failed, and accepts the next one', () => {
  const failing: [name: string, verify: TlsVerify, begin: (port: number) => unknown, reason: RegExp][] = [
    ['plain text', 'none', (port) => plainClient(port).write('<34>hello, this is plain\n'), /does not speak TLS/],
    ['HTTP', 'none', (port) => plainClient(port).write('GET / HTTP/1.1\r\n\r\n'), /HTTP/],
    [
      'an incomplete ClientHello',
      'none',
      (port) => plainClient(port).end(Buffer.from('1603010200', 'hex')),
      /ended .* in the handshake/,
    ],
    [
      'a reset during the ClientHello',
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
    [
      'a certificate of an unknown CA',
      'required',
      (port) => client(port, keysOf('stranger', 'ca')),
      /refused: .*unknown ca/,
    ],
    [
      'a certificate of an unknown CA, although none is required',
      'optional',
      (port) => client(port, keysOf('stranger', 'ca')),
      /refused: .*unknown ca/,
    ],
    ['an expired certificate', 'required', (port) => client(port, keysOf('expired', 'ca')), /refused: it has expired/],
    [
      'a certificate for servers only',
      'required',
      (port) => client(port, keysOf('server', 'ca')),
      /refused: it is not made for this/,
    ],
  ]
  test.each(failing)('%s, verify: %s', async (_, verify, begin, reason) => {
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

  test('many handshakes at once: each has its own reason', async () => {
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

  test('a connection that is closed without a byte (a health check) is not a failed handshake', async () => {
    const { port, faults } = await serving()
    plainClient(port).end()
    await until('it is over', () => faults.length === 1)
    expect(faults[0].code).toBe('CONNECTION_LOST')
  })

  test('a silent peer is disconnected after the timeout', async () => {
    const { port, faults } = await serving()
    const socket = plainClient(port)
    await expect.poll(() => faults.length, { timeout: 30_000 }).toBe(1)
    expect(faults[0].detail).toMatch(/no handshake within 10 s/)
    await until('it is closed', () => socket.destroyed)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a refused client is not admitted by resuming its session, %s',
    async (version) => {
      const { port, accepted, faults } = await serving(keysOf('server', 'ca'), 'required')
      const sessions: Buffer[] = []
      const attempt = async (options: tls.ConnectionOptions) => {
        const before = faults.length + accepted.length
        const socket = client(port, { maxVersion: version, ...options })
        socket.on('session', (session) => sessions.push(session))
        await until('it is decided', () => faults.length + accepted.length > before)
      }
      await attempt({})
      await attempt(keysOf('stranger', 'ca'))
      for (const session of sessions.splice(0)) await attempt({ session })
      expect(accepted).toEqual([])
      // Nor is a client that was admitted before, if it resumes its session without its certificate.
      await attempt(keysOf('client', 'ca'))
      await until('it has a session', () => version === 'TLSv1.2' || sessions.length > 0)
      for (const session of sessions.splice(0)) {
        await attempt({ session })
      }
      expect(accepted.length).toBe(1)
    },
  )

  test('optional: clients without a certificate and with a valid one are admitted', async () => {
    const { port, accepted } = await serving(keysOf('server', 'ca'), 'optional')
    client(port)
    await until('one', () => accepted.length === 1)
    client(port, keysOf('client', 'ca'))
    await until('two', () => accepted.length === 2)
  })

  test('renewed keys are used for new connections, and existing ones stay open', async () => {
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

  test('keys that cannot be used are a fault, and the old ones stay in use', async () => {
    const broken = { ...keysOf('server'), key: keysOf('client').key! }
    expect(() => systemNet.tlsServer(broken, 'none')).toThrow(/TLS_KEYS/)
    const { port, server } = await serving()
    expect(() => server.renew(broken)).toThrow(/TLS_KEYS/)
    await secured(port)
  })
})
