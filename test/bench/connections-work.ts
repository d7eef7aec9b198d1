// Ten thousand connections that say something now and then: what they cost is memory.

import { connect, type Socket } from 'node:net'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { peakMemoryBytes, processTree } from './measure.ts'
import type { System } from './systems.ts'
import { countLines, cpuOf, freePort, inFolder, quiet, withSystem, type Result } from './work.ts'

const CONNECTIONS = 10_000
/** Each says so many messages, one after all others have said theirs: minutes, in a few seconds. */
const ROUNDS = 10
const AT_ONCE = 200

export function manyConnections(system: System): Promise<Result> {
  return inFolder(async (folder) => {
    const port = await freePort()
    return withSystem(system, { folder, port, syslog: 'rfc3164', work: 'tcp-file' }, async (child) => {
      const sockets = await connectAll(port)
      const out = join(folder, 'out.log')
      const before = cpuOf(child)
      const start = Date.now()
      for (let round = 0; round < ROUNDS; round += 1) await sayAll(sockets, round)
      const end = await quiet(() => (existsSync(out) ? statSync(out).size : 0))
      const sent = CONNECTIONS * ROUNDS
      const result: Result = {
        rate: sent / ((end - start) / 1000),
        cpu: ((cpuOf(child) - before) * 1e6) / sent,
        memoryBytes: processTree(child.pid!).reduce((sum, pid) => sum + peakMemoryBytes(pid), 0),
        arrived: countLines(out),
        expected: sent,
      }
      for (const socket of sockets) socket.destroy()
      return result
    })
  })
}

async function connectAll(port: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < CONNECTIONS) {
    const some = Array.from({ length: AT_ONCE }, () => connected(port))
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

async function sayAll(sockets: readonly Socket[], round: number): Promise<void> {
  for (let i = 0; i < sockets.length; i += AT_ONCE) {
    const some = sockets.slice(i, i + AT_ONCE)
    const text = (n: number) => `<134>Oct 11 22:14:15 host${n} app[${n}]: message ${round} of connection ${n}\n`
    await Promise.all(some.map((socket, k) => new Promise((done) => socket.write(text(i + k), done))))
  }
}
