// TLS on the real network, with node:tls. A connection is first accepted or made without TLS, so that a refused peer costs no
// handshake, and so that connections are counted from their start.
//
//   accepted ──▶ [the gate] ──▶ handshake ──▶ connection        made ──▶ handshake ──▶ no refusal ──▶ connection
//
// The minimum is TLS 1.2 (RFC 5246), as RFC 9662 requires for syslog. The ciphers are the defaults of Node and its OpenSSL.

import { constants } from 'node:crypto'
import * as net from 'node:net'
import * as tls from 'node:tls'
import { systemClock, type Cancel } from '../clock.ts'
import { assert, errnoOf, Fault, reasonOf } from '../fault.ts'
import { TLS_HANDSHAKE_WAIT_MS, TLS_REFUSAL_WAIT_MAX_MS, TLS_REFUSAL_WAIT_MIN_MS } from '../limits.ts'
import type { Connection, TlsGreeting, TlsKeys, TlsServer, TlsVerify } from './net.ts'
import { SystemConnection } from './system-connection.ts'
import { clientAdvice, ENDED_IN_HANDSHAKE, handshakeReason, verdictOn } from './tls-reason.ts'

const VERSION_MIN = 'TLSv1.2'
// The alert `protocol_version` (RFC 8446 §6). OpenSSL does not answer a client that does not begin with TLS, so that its user
// would not know why the connection ends.
const SPEAK_TLS = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])
const NO_ANSWER = `no handshake within ${TLS_HANDSHAKE_WAIT_MS / 1000} s`

/** `Net.tlsServer` */
export function tlsServer(keys: TlsKeys, verify: TlsVerify): TlsServer {
  return new SystemTlsServer(keys, verify)
}

/** A server-side handshake in progress. */
interface Greeted {
  done(socket: tls.TLSSocket): void
  /** Sends bytes without TLS, to a client that does not speak it. */
  answer(bytes: Buffer): void
  failed(reason: string): void
}

class SystemTlsServer implements TlsServer {
  readonly #server: tls.Server
  readonly #verify: TlsVerify
  /** Handshakes by the addresses of both ends, which is all that the events of node:tls identify a connection by. */
  readonly #greeted = new Map<string, Greeted>()

  constructor(keys: TlsKeys, verify: TlsVerify) {
    this.#verify = verify
    // Certificates are checked after the handshake, since only then the reason of a refusal is known.
    const request = { requestCert: verify !== 'none', rejectUnauthorized: false }
    // Only a fallback: the timeout of Node starts again with every byte, so `secure` has its own.
    const handshakeTimeout = 2 * TLS_HANDSHAKE_WAIT_MS
    this.#server = usable(() => tls.createServer({ ...served(keys), ...request, handshakeTimeout }))
    this.#server.on('secureConnection', (socket) => this.#greeted.get(endsOf(socket))?.done(socket))
    // If the socket has lost its addresses already, the close of the connection below ends the handshake.
    this.#server.on('tlsClientError', (error, socket) => {
      const greeted = this.#greeted.get(endsOf(socket))
      if (errnoOf(error) === 'ERR_SSL_WRONG_VERSION_NUMBER') greeted?.answer(SPEAK_TLS)
      greeted?.failed(handshakeReason(error))
    })
  }

  renew(keys: TlsKeys): void {
    usable(() => this.#server.setSecureContext(served(keys)))
  }

  secure(connection: Connection): Promise<Connection> {
    const plain = below(connection)
    const { socket } = plain
    const ends = endsOf(socket)
    return new Promise((resolve, reject) => {
      const settle = () => {
        cancel()
        this.#greeted.delete(ends)
        socket.off('close', onClose)
      }
      const failed = (reason: string, code: 'TLS_HANDSHAKE' | 'CONNECTION_LOST' = 'TLS_HANDSHAKE') => {
        settle()
        connection.destroy()
        reject(new Fault(code, reason, { retryable: true }))
      }
      const onClose = () => {
        if (socket.bytesRead === 0) failed('the peer sent nothing', 'CONNECTION_LOST')
        else failed('the peer ended the connection in the handshake; it may not trust our certificate')
      }
      const done = (secured: tls.TLSSocket) => {
        const verdict = this.#verdictOn(secured)
        if (verdict !== undefined) return failed(verdict)
        settle()
        secured.allowHalfOpen = true
        resolve(new SystemConnection(secured, plain))
      }
      const cancel = systemClock.after(TLS_HANDSHAKE_WAIT_MS, () => failed(NO_ANSWER))
      if (socket.destroyed || socket.remotePort === undefined) return onClose()
      this.#greeted.set(ends, { done, answer: (bytes) => socket.write(bytes), failed })
      socket.on('close', onClose)
      // A peer that closes its side before the handshake is done is gone.
      socket.allowHalfOpen = false
      this.#server.emit('connection', socket)
    })
  }

  /** Why the certificate of the client is refused; undefined if it is not. */
  #verdictOn(socket: tls.TLSSocket): string | undefined {
    if (this.#verify === 'none') return undefined
    // Checked explicitly, since Node reports a resumed session as authorized even if it never had a certificate.
    const isShown = Object.keys(socket.getPeerCertificate()).length > 0
    if (!isShown) return this.#verify === 'optional' ? undefined : 'the client shows no certificate'
    return socket.authorized
      ? undefined
      : `the client’s certificate is refused: ${verdictOn(socket.authorizationError)}`
  }
}

/** `Net.secureTo` */
export async function secureTo(
  connection: Connection,
  greeting: TlsGreeting,
  signal?: AbortSignal,
): Promise<Connection> {
  try {
    const startMs = systemClock.monotonicMs()
    const plain = below(connection)
    const socket = greet(plain.socket, greeting)
    await handshake(socket, greeting, signal)
    await noRefusal(socket, greeting, refusalWaitMs(systemClock.monotonicMs() - startMs), signal)
    return new SystemConnection(socket, plain)
  } catch (error) {
    connection.destroy()
    throw error
  }
}

function greet(plain: net.Socket, { serverName: host, orName, keys, verify }: TlsGreeting): tls.TLSSocket {
  // A peer that closes its side before the handshake is done is gone.
  plain.allowHalfOpen = false
  const name = net.isIP(host) === 0 ? { servername: host } : {}
  const checkServerIdentity = (_host: string, certificate: tls.PeerCertificate) => {
    const error = tls.checkServerIdentity(host, certificate)
    return error && orName !== undefined && !tls.checkServerIdentity(orName, certificate) ? undefined : error
  }
  const options = { ...keys, ...name, rejectUnauthorized: verify === 'required', minVersion: VERSION_MIN } as const
  const socket = usable(() => tls.connect({ socket: plain, host, checkServerIdentity, ...options }))
  // An error after the other listeners were removed must not end the process.
  socket.on('error', () => {})
  return socket
}

function namesOf({ serverName, orName }: TlsGreeting): string {
  return orName === undefined ? serverName : `${serverName} or ${orName}`
}

function handshake(socket: tls.TLSSocket, greeting: TlsGreeting, signal?: AbortSignal): Promise<void> {
  const { verify } = greeting
  const words = { ended: ENDED_IN_HANDSHAKE, wrong: (error: Error) => clientAdvice(error, namesOf(greeting), false) }
  return unlessOver(socket, words, signal, (resolve, fail) => {
    socket.once('secureConnect', () => {
      socket.allowHalfOpen = true
      if (verify === 'optional' && !socket.authorized) greeting.doubted?.(verdictOn(socket.authorizationError))
      resolve()
    })
    return systemClock.after(TLS_HANDSHAKE_WAIT_MS, () => fail(`${NO_ANSWER}; does this port speak TLS?`))
  })
}

function noRefusal(socket: tls.TLSSocket, greeting: TlsGreeting, waitMs: number, signal?: AbortSignal): Promise<void> {
  const words = { ended: REFUSED_AFTER, wrong: (error: Error) => clientAdvice(error, namesOf(greeting), true) }
  return unlessOver(socket, words, signal, (resolve) => {
    // If this process was suspended or busy meanwhile, a refusal that has arrived is read in the next turn of the event loop.
    let cancel = systemClock.after(waitMs, () => (cancel = systemClock.soon(resolve)))
    return () => cancel()
  })
}

/** The reasons to report if the socket ends, and if it fails with an error. */
interface Words {
  readonly ended: string
  wrong(error: Error): string
}

/** Waits for what `begin` starts (it returns how to cancel it). Rejects if the socket ends or `signal` aborts first. */
function unlessOver(
  socket: tls.TLSSocket,
  words: Words,
  signal: AbortSignal | undefined,
  begin: (resolve: () => void, fail: (reason: string) => void) => Cancel,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      cancel()
      signal?.removeEventListener('abort', onAbort)
      socket.off('error', onError).off('end', onEnd).off('close', onEnd)
    }
    const fail = (reason: string, cause?: unknown) => {
      settle()
      reject(new Fault('TLS_HANDSHAKE', reason, { retryable: true, cause }))
    }
    const onEnd = () => fail(words.ended)
    const onError = (error: Error) => fail(words.wrong(error), error)
    const onAbort = () => fail('stopped')
    const cancel = begin(() => {
      settle()
      resolve()
    }, fail)
    socket.on('error', onError).on('end', onEnd).on('close', onEnd)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    else if (socket.errored) onError(socket.errored)
    else if (socket.destroyed || socket.readableEnded) onEnd()
  })
}

const REFUSED_AFTER =
  'the peer ended the connection after the handshake; it may want a client certificate that its ca signed (`tls: { cert, key }`)'

// Sessions are not resumed: connections last for days, and clients that are admitted by a certificate must present it each time.
function served(keys: TlsKeys): tls.SecureContextOptions {
  return { ...keys, minVersion: VERSION_MIN, secureOptions: constants.SSL_OP_NO_TICKET }
}

function refusalWaitMs(handshakeMs: number): number {
  return Math.min(TLS_REFUSAL_WAIT_MAX_MS, Math.max(TLS_REFUSAL_WAIT_MIN_MS, 2 * handshakeMs))
}

function below(connection: Connection): SystemConnection {
  assert(connection instanceof SystemConnection, 'TLS is put on connections of the same network')
  return connection
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: net.Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

function usable<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new Fault('TLS_KEYS', `certificate and key cannot be used: ${reasonOf(error)}`, { cause: error })
  }
}
