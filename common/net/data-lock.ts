// The lock on a data folder: a listening socket at `<data>/control.sock`. The kernel closes it when the process ends in any way, so
// a stale lock is recognized by connecting to it.

import { createServer, type Server } from 'node:net'
import { accessData } from '../data-access.ts'
import type { Disk, FileStat } from '../disk.ts'
import { errnoOf, Fault } from '../fault.ts'
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts'
import { newId, type Random } from '../random.ts'
import { withFolderMutex } from './folder-mutex.ts'
import { hasListener } from './unix-socket.ts'

export interface DataLock {
  /** Releases the folder. */
  release(): Promise<void>
}

/** Creates the data folder if it does not exist, and locks it. Rejects with `DATA_LOCKED`, or as `accessData` does. */
export async function lockDataFolder(folder: string, disk: Disk, random: Random): Promise<DataLock> {
  await accessData(folder, () => disk.makeFolder(folder))
  const path = `${folder}/control.sock`
  // The socket would be created nevertheless, under a truncated name.
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new Fault('DATA_UNWRITABLE', `${path} is too long for a socket (sockaddr_un has 108 bytes)`)
  }
  const server = await accessData(
    path,
    async () => (await listen(path)) ?? withFolderMutex(folder, disk, () => takeOver(path, disk, random)),
  )
  if (!server) throw new Fault('DATA_LOCKED', `another sluice is running on ${folder}`)
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

// A socket file on which nobody listens was left by a killed process. Processes that start now take it over one at a time, under the
// mutex of the folder. If the mutex cannot be had (`folder-mutex.ts`), another process may have created its own socket there by now. So
// the file is moved aside and compared by inode, and moved back if it is not the stale one. (Only a third process that starts in
// that moment could lock the folder as well.) The stale file is removed after the new one is created, so that its inode cannot be
// reused before.
async function takeOver(path: string, disk: Disk, random: Random): Promise<Server | undefined> {
  const deaf = await disk.statLink(path)
  if (await hasListener(path)) return undefined
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

/** Renames the socket file. Returns its stat, or undefined if it does not exist any more. */
async function moveAway(path: string, aside: string, disk: Disk): Promise<FileStat | undefined> {
  try {
    await disk.rename(path, aside)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  return disk.statLink(aside)
}

/** The listening server; undefined if the path exists. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => {
      if (errnoOf(error) === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(path, () => {
      server.on('error', () => {}) // libuv retries an accept that failed for lack of descriptors
      server.unref()
      resolve(server)
    })
  })
}
