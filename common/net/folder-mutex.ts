// A mutex between processes for a folder: a socket with an abstract name (unix(7)), which the kernel gives to one process only,
// and frees when that ends. Waiting processes connect to the socket, and are disconnected when the mutex is released.
//
// Abstract names belong to a network namespace, so containers that share a folder do not see each other's. Any user of the
// machine may take a name, so waiting is limited to `TURN_WAIT_MS`.

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Disk } from '../disk.ts'
import { errnoOf } from '../fault.ts'
import { TURN_WAIT_MS } from '../limits.ts'

/** Does `work` while holding the mutex of the folder; if the mutex cannot be had, does it nevertheless. */
export async function withFolderMutex<T>(folder: string, disk: Disk, work: () => Promise<T>): Promise<T> {
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

/** Undefined if the mutex cannot be had. */
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
      socket.on('error', () => {}) // a waiting process ended
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

/** Resolves to true when the owner has released the mutex, to false if that takes too long. */
function isOver(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: name })
    socket.setTimeout(TURN_WAIT_MS, () => {
      resolve(false)
      socket.destroy()
    })
    socket.on('error', () => {}) // refused: it was released just now
    socket.once('close', () => resolve(true))
    socket.resume()
  })
}
