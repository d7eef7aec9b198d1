// The real network: TCP. TLS, datagrams and names are in other files of this folder.

import type { LookupAddress } from 'node:dns'
import * as net from 'node:net'
import { Fault, reasonOf } from '../fault.ts'
import { CONNECT_ADDRESS_WAIT_MS, CONNECT_WAIT_MS } from '../limits.ts'
import { bindFault, written } from './bind-fault.ts'
import { inTurn } from './in-turn.ts'
import { isOfItself } from './own-end.ts'
import { resolve } from './resolve.ts'
import { servicesOf } from './services.ts'
import { SystemConnection } from './system-connection.ts'
import { SystemDatagramSender } from './system-datagram-sender.ts'
import { bind } from './system-datagrams.ts'
import { secureTo, tlsServer } from './system-tls.ts'
import type { Connection, Endpoint, Listener, Net } from './net.ts'

// Connections that the kernel queues until they are accepted: enough for thousands of senders that reconnect at once.
const BACKLOG = 4096

export const systemNet: Net = {
  listen,
  connect,
  tlsServer,
  secureTo,
  bind,
  datagramsTo: (to, lost) => new SystemDatagramSender(to, lost),
  services: (name) => servicesOf(name),
}

function listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    // Half-open: a sender may close its side before we have read everything. Paused until `start`: a flowing socket without a listener
    // discards what it reads.
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      accept(new SystemConnection(socket))
    })
    server.once('error', (error) => reject(bindFault(error, at, 'tcp')))
    server.listen({ host: at.host, port: at.port, backlog: BACKLOG }, () => {
      const address = server.address() as net.AddressInfo
      server.on('error', () => {}) // libuv retries an accept that failed for lack of descriptors
      resolve({
        port: address.port,
        // The port is free when close() returns. Its callback would come only when all connections have ended.
        close: () => {
          server.close()
          return Promise.resolve()
        },
      })
    })
  })
}

async function connect(to: Endpoint, signal?: AbortSignal, turn: number = 0): Promise<Connection> {
  // A name is looked up at each attempt, and its addresses are tried in turn.
  const addresses = net.isIP(to.host) === 0 ? await resolve(to.host, signal) : []
  return connectTo(to, inTurn(addresses, turn), signal)
}

/** `addresses` are those of the host if it is a name, else empty. */
function connectTo(to: Endpoint, addresses: readonly LookupAddress[], signal?: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    // Divides the total time, so that the last of many addresses is tried too.
    const waitMs = Math.min(CONNECT_ADDRESS_WAIT_MS, Math.floor(CONNECT_WAIT_MS / addresses.length))
    const several = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: waitMs }
    const lookup: net.LookupFunction = (_host, _options, found) => found(null, [...addresses])
    const socket = net.connect({ host: to.host, port: to.port, allowHalfOpen: true, lookup, ...several })
    const fail = (error: unknown) => {
      settle()
      socket.destroy()
      const detail = `${written(to)}: ${reasonOf(error)}`
      reject(new Fault('CONNECTION_REFUSED', detail, { retryable: true, cause: error }))
    }
    const onTimeout = () => fail(new Error(`no answer within ${CONNECT_WAIT_MS / 1000} s`))
    const onAbort = () => fail(new Error('stopped'))
    const settle = () => {
      socket.setTimeout(0)
      socket.off('timeout', onTimeout)
      socket.off('error', fail)
      signal?.removeEventListener('abort', onAbort)
    }
    socket.once('error', fail)
    socket.setTimeout(CONNECT_WAIT_MS, onTimeout)
    signal?.addEventListener('abort', onAbort)
    socket.once('connect', () => {
      if (isOfItself(socket.localAddress, socket.localPort, socket.remoteAddress, socket.remotePort)) {
        // Reset, since a port that waits for the last segments of a connection may not be listened on.
        socket.resetAndDestroy()
        return fail(new Error('nobody listens there: the system has connected this process with itself'))
      }
      settle()
      resolve(new SystemConnection(socket))
    })
    if (signal?.aborted) onAbort()
  })
}
