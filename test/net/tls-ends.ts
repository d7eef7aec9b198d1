// Both ends of TLS connections on the real network.

import * as net from 'node:net'
import * as tls from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Fault } from '../../common/fault.ts'
import type { Connection, TlsGreeting, TlsKeys, TlsVerify } from '../../common/net/net.ts'
import { systemNet } from '../../common/net/system-net.ts'
import { keysOf } from '../tls/certificates.ts'

export const LOOPBACK = '127.0.0.1'

/** Starts a TLS server. Its handshakes are recorded in `accepted` or `faults`. */
export async function serving(keys: TlsKeys = keysOf('server'), verify: TlsVerify = 'none') {
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

export async function secured(
  port: number,
  greeting: Partial<TlsGreeting> = {},
  signal?: AbortSignal,
): Promise<Connection> {
  const connection = await systemNet.connect({ host: LOOPBACK, port })
  const usual: TlsGreeting = { serverName: LOOPBACK, keys: keysOf(undefined, 'ca'), verify: 'required' }
  const made = await systemNet.secureTo(connection, { ...usual, ...greeting }, signal)
  onTestFinished(() => made.destroy())
  return made
}

/** Connects a client of node:tls. Errors of the connection are ignored. */
export function client(port: number, options: tls.ConnectionOptions = {}): tls.TLSSocket {
  const socket = tls.connect({ port, host: LOOPBACK, ...keysOf(undefined, 'ca'), ...options })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

export function plainClient(port: number): net.Socket {
  const socket = net.connect(port, LOOPBACK)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}
