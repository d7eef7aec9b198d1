// The real network: TCP. TLS, datagrams and names lie beside it.

import * as net from 'node:net'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import { CONNECT_ADDRESS_WAIT_MS, CONNECT_WAIT_MS } from '../limits.ts'
import { bindFault, written } from './bind-fault.ts'
import { resolve } from './resolve.ts'
import { servicesOf } from './services.ts'
import { SystemConnection } from './system-connection.ts'
import { bind } from './system-datagrams.ts'
import { secureTo, tlsServer } from './system-tls.ts'
import type { Connection, Endpoint, Listener, Net } from './net.ts'

// How many connections the kernel may hold for us while we are busy: a restart of a thousand senders at once.
const BACKLOG = 4096

export const systemNet: Net = {
  listen,
  connect,
  tlsServer,
  secureTo,
  bind,
  services: (name) => servicesOf(name),
  resolve,
}

function listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    // Half-open: a sender that has said all it has to say may still wait for us to read it. Paused until `start`: a
    // socket that flows while nobody listens throws away what it reads.
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      accept(new SystemConnection(socket))
    })
    server.once('error', (error) => reject(bindFault(error, at, 'tcp')))
    server.listen({ host: at.host, port: at.port, backlog: BACKLOG }, () => {
      const address = server.address() as net.AddressInfo
      server.on('error', () => {}) // an accept that failed for want of descriptors is tried again by libuv
      resolve({
        port: address.port,
        // The port is free when close() returns; its callback would wait for the end of every connection.
        close: () => {
          server.close()
          return Promise.resolve()
        },
      })
    })
  })
}

function connect(to: Endpoint, signal?: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    // The name is looked up at each attempt, and its addresses are tried in turn.
    const several = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: CONNECT_ADDRESS_WAIT_MS }
    const socket = net.connect({ host: to.host, port: to.port, allowHalfOpen: true, ...several })
    const fail = (error: unknown) => {
      settle()
      socket.destroy()
      const unresolved = errnoOf(error) === 'ENOTFOUND' || errnoOf(error) === 'EAI_AGAIN'
      const detail = unresolved ? `${to.host} has no address` : `${written(to)}: ${reasonOf(error)}`
      reject(
        new Fault(unresolved ? 'HOST_UNRESOLVED' : 'CONNECTION_REFUSED', detail, { retryable: true, cause: error }),
      )
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
      settle()
      resolve(new SystemConnection(socket))
    })
    if (signal?.aborted) onAbort()
  })
}
