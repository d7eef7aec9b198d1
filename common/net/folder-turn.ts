// One process at a time does something to a folder: a socket with an abstract name (unix(7)), which the kernel gives to one of those
// that ask, and takes back with the process. Whoever waits is connected to it, and so hears when the turn is over.
//
// Such names are those of a network namespace: containers that share a folder do not see each other's. And any user of the machine
// may take one: who keeps it for too long is not waited for.

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Disk } from '../disk.ts'
import { errnoOf } from '../fault.ts'
import { TURN_WAIT_MS } from '../limits.ts'

/** Does `work` while no other process does its own to the same folder; without that where the turn cannot be had. */
export async function inTurn<T>(folder: string, disk: Disk, work: () => Promise<T>): Promise<T> {
  const stat = await disk.stat(folder)
  const turn = stat && (await takeTurn(`\0sluice ${stat.device}:${stat.inode}`))
  try {
    return await work()
  } finally {
    turn?.end()
  }
}

interface Turn {
  end(): void
}

/** Undefined where it cannot be had. */
async function takeTurn(name: string): Promise<Turn | undefined> {
  for (;;) {
    const taken = await take(name)
    if (taken !== 'taken') return taken
    if (!(await isOver(name))) return undefined
  }
}

function take(name: string): Promise<Turn | 'taken' | undefined> {
  const waiting = new Set<Socket>()
  return new Promise((resolve) => {
    const server: Server = createServer((socket) => {
      socket.on('error', () => {}) // who waited does so no more
      waiting.add(socket)
    })
    server.once('error', (error) => resolve(errnoOf(error) === 'EADDRINUSE' ? 'taken' : undefined))
    server.listen(name, () => {
      const end = () => {
        server.close()
        for (const socket of waiting) socket.destroy()
      }
      resolve({ end })
    })
  })
}

/** Resolves when whoever has the turn has ended it; to false where that takes too long. */
function isOver(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: name })
    socket.setTimeout(TURN_WAIT_MS, () => {
      resolve(false)
      socket.destroy()
    })
    socket.on('error', () => {}) // refused: it ended just now
    socket.once('close', () => resolve(true))
    socket.resume()
  })
}
