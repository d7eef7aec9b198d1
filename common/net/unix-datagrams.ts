// Datagram sockets in the file system, such as /dev/log. Node has none; the package unix-dgram, which enters here, has them. It
// is optional: where there is no compiler to build it with, everything else of the program works.
//
// What it cannot do: stop reading, so that a sender can be made to wait; tell who sent (SCM_CREDENTIALS); tell that a datagram
// was longer than its buffer of 64 KiB, of which it gives the first 64 KiB.

import { constants } from 'node:os'
import { errnoOf, Fault } from '../fault.ts'

/** A datagram of this many bytes may have been longer. */
export const UNIX_DATAGRAM_BYTES_MAX = 64 * 1024

interface PackageSocket {
  bind(path: string): void
  connect(path: string): void
  close(): void
  on(event: 'message', listener: (datagram: Buffer) => void): void
  on(event: 'error', listener: (error: { readonly code: number }) => void): void
}

interface Package {
  createSocket(type: 'unix_dgram', receive?: (datagram: Buffer) => void): PackageSocket
}

async function load(): Promise<Package> {
  try {
    // @ts-expect-error: the package has no types, and may not be there.
    return ((await import('unix-dgram')) as { default: Package }).default
  } catch (error) {
    const how = 'install a C++ compiler, make and python3, and run `npm rebuild unix-dgram`'
    throw new Fault('SOCKET_UNAVAILABLE', `the package unix-dgram is not built here: ${how}`, { cause: error })
  }
}

/** A socket; throws an error with a code such as `EMFILE` where there can be none. */
async function createSocket(receive?: (datagram: Buffer) => void): Promise<PackageSocket> {
  const unixDgram = await load()
  try {
    return unixDgram.createSocket('unix_dgram', receive)
  } catch (error) {
    // The package's own say no more than `socket -24`.
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') throw named(error.code)
    throw error
  }
}

/** Throws an error with a code such as `ECONNREFUSED` where `act` fails. */
function attempt(socket: PackageSocket, act: () => void): void {
  let failed: number | undefined
  socket.on('error', ({ code }) => (failed = code))
  act()
  if (failed !== undefined) throw named(failed)
}

/** The system's error of that negative number, by its name. */
function named(code: number): Error {
  const [name] = Object.entries(constants.errno).find(([, number]) => number === -code) ?? [`errno ${-code}`]
  return Object.assign(new Error(name), { code: name })
}

/** Makes the socket file and reads from it until `close`, which leaves the file. Rejects with the system's error. */
export async function bindDatagrams(path: string, receive: (datagram: Buffer) => void): Promise<{ close(): void }> {
  const socket = await createSocket(receive)
  try {
    attempt(socket, () => socket.bind(path))
  } catch (error) {
    socket.close()
    throw error
  }
  return { close: () => socket.close() }
}

/** Whether a process has this datagram socket open. Rejects where that cannot be told. */
export async function answersDatagrams(path: string): Promise<boolean> {
  const socket = await createSocket()
  try {
    attempt(socket, () => socket.connect(path))
    return true
  } catch (error) {
    if (errnoOf(error) === 'ECONNREFUSED' || errnoOf(error) === 'ENOENT') return false
    throw error
  } finally {
    socket.close()
  }
}
