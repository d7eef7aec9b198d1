// The lock on a data folder: a listening socket at `<data>/control.sock`. The kernel frees it with the process, however
// that ends, so a lock is never stale for longer than it takes to ask.

import { createServer, type Server } from 'node:net'
import { accessData } from '../data-access.ts'
import type { Disk, FileStat } from '../disk.ts'
import { errnoOf, Fault } from '../fault.ts'
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts'
import { newId, type Random } from '../random.ts'
import { inTurn } from './folder-turn.ts'
import { isHeard } from './unix-socket.ts'

export interface DataLock {
  /** Frees the folder for the next. */
  release(): Promise<void>
}

/** Creates the data folder if need be and takes it; rejects with `DATA_UNWRITABLE` or `DATA_LOCKED`. */
export async function lockDataFolder(folder: string, disk: Disk, random: Random): Promise<DataLock> {
  await accessData(folder, () => disk.makeFolder(folder))
  const path = `${folder}/control.sock`
  // It would be made all the same, under as much of its name as there is room for.
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new Fault('DATA_UNWRITABLE', `${path} is too long for a socket (sockaddr_un has 108 bytes)`)
  }
  const server = await accessData(
    path,
    async () => (await listen(path)) ?? inTurn(folder, disk, () => takeOver(path, disk, random)),
  )
  if (!server) throw new Fault('DATA_LOCKED', `another sluice is running on ${folder}`)
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

// A socket file that nobody answers on was left by a process that was killed. Those that start now find that out one after another.
// Where that cannot be had (`folder-turn.ts`), another one may have its own socket there by now: so what is there is moved aside and
// looked at, and put back where it is not the deaf one; a third that came just then would have the name as well. The deaf one is
// removed only when the new one is made, so that no other file has its inode until then.
async function takeOver(path: string, disk: Disk, random: Random): Promise<Server | undefined> {
  const deaf = await disk.statLink(path)
  if (await isHeard(path)) return undefined
  const aside = `${path}.${newId(random).slice(0, 8)}`
  const moved = deaf && (await moveAway(path, aside, disk))
  if (moved && moved.inode !== deaf.inode) {
    await disk.rename(aside, path)
    return undefined
  }
  const server = await listen(path)
  if (moved) await disk.remove(aside)
  return server
}

/** Undefined where there is nothing any more. */
async function moveAway(path: string, aside: string, disk: Disk): Promise<FileStat | undefined> {
  try {
    await disk.rename(path, aside)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  return disk.statLink(aside)
}

/** The listening server; undefined where the name is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => {
      if (errnoOf(error) === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}
