// Unix datagram sockets, such as /dev/log. Node does not offer them; the package unix-dgram does, which only this file imports. It
// is optional: if there is no compiler to build it, the rest of the program works.
//
// The package cannot stop reading, so senders cannot be made to wait. It does not report the sender (SCM_CREDENTIALS), nor that a
// datagram was longer than its buffer, of which it gives the first 64 KiB.

import { constants } from 'node:os'
import { errnoOf, Fault } from '../fault.ts'

/** A datagram of this length may have been truncated. */
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

/** Creates a socket. If that is not possible, throws an error with a code such as `EMFILE`. */
async function createSocket(receive?: (datagram: Buffer) => void): Promise<PackageSocket> {
  const unixDgram = await load()
  try {
    return unixDgram.createSocket('unix_dgram', receive)
  } catch (error) {
    // The messages of the package are no more than `socket -24`.
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') throw named(error.code)
    throw error
  }
}

/** Throws an error with a code such as `ECONNREFUSED` if `act` fails. */
function attempt(socket: PackageSocket, act: () => void): void {
  let failed: number | undefined
  socket.on('error', ({ code }) => (failed = code))
  act()
  if (failed !== undefined) throw named(failed)
}

/** The system error with that negative errno, by name. */
function named(code: number): Error {
  const [name] = Object.entries(constants.errno).find(([, number]) => number === -code) ?? [`errno ${-code}`]
  return Object.assign(new Error(name), { code: name })
}

/** Creates the socket file and receives until `close`, which does not remove the file. Rejects with the error of the system. */
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

/** Whether a process has this datagram socket open. Rejects if that cannot be determined. */
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
