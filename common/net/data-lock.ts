// The lock on a data folder: a listening socket at `<data>/control.sock`. The kernel frees it with the process, however
// that ends, so a lock is never stale for longer than it takes to ask.

import { createConnection, createServer, type Server } from 'node:net'
import type { Disk } from '../disk.ts'
import { errnoOf, Fault, reasonOf } from '../fault.ts'

export interface DataLock {
  /** Frees the folder for the next. */
  release(): Promise<void>
}

/** Creates the data folder if need be and takes it; rejects with `DATA_UNWRITABLE` or `DATA_LOCKED`. */
export async function lockDataFolder(folder: string, disk: Disk): Promise<DataLock> {
  try {
    await disk.makeFolder(folder)
  } catch (error) {
    throw new Fault('DATA_UNWRITABLE', `${folder} cannot be created: ${reasonOf(error)}`, { cause: error })
  }
  const path = `${folder}/control.sock`
  const server = (await listen(path)) ?? (await takeOver(path, disk))
  if (!server) throw new Fault('DATA_LOCKED', `another sluice is running on ${folder}`)
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

// A socket file that nobody answers on was left by a process that was killed.
async function takeOver(path: string, disk: Disk): Promise<Server | undefined> {
  if (await answers(path)) return undefined
  await disk.remove(path)
  return listen(path)
}

/** The listening server; undefined where the name is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => {
      if (errnoOf(error) === 'EADDRINUSE') resolve(undefined)
      else reject(new Fault('DATA_UNWRITABLE', `${path} cannot be created: ${reasonOf(error)}`, { cause: error }))
    })
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
