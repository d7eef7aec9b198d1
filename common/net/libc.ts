// The few calls of the system that Node has not, through the package koffi, which enters here. It is optional: where it is
// not there, or the system is another one, its users do what they can through Node.

import type Koffi from 'koffi'
import { endianness } from 'node:os'

/** Memory that stays where it is, for as long as the process lives. */
export interface Memory {
  readonly address: bigint
  readonly bytes: Buffer
}

/** What is needed of libc on Linux with 64 bits, low byte first. */
export class Libc {
  readonly #koffi: typeof Koffi
  /** recvmmsg(2): how many datagrams came, or −1. */
  readonly recvmmsg: (socket: number, headers: bigint, count: number, flags: number, timeout: null) => number
  /** setsockopt(2): 0, or −1. */
  readonly setsockopt: (socket: number, level: number, name: number, value: Buffer, bytes: number) => number
  /** getsockopt(2): 0, or −1. `bytes` is an int: what `value` holds, and then how much of it was written. */
  readonly getsockopt: (socket: number, level: number, name: number, value: Buffer, bytes: Buffer) => number

  /** _exit(2): ends the process at once, whatever its threads are at. */
  readonly exit: (status: number) => void

  constructor(koffi: typeof Koffi) {
    this.#koffi = koffi
    const process = koffi.load(null) // whichever libc this process runs with
    this.recvmmsg = process.func('int recvmmsg(int, uintptr_t, unsigned int, int, void *)') as Libc['recvmmsg']
    this.setsockopt = process.func('int setsockopt(int, int, int, void *, unsigned int)') as Libc['setsockopt']
    this.getsockopt = process.func('int getsockopt(int, int, int, void *, void *)') as Libc['getsockopt']
    this.exit = process.func('void _exit(int)') as Libc['exit']
  }

  memory(bytes: number): Memory {
    const pointer: unknown = this.#koffi.alloc('uint8_t', bytes)
    return { address: this.#koffi.address(pointer), bytes: Buffer.from(this.#koffi.view(pointer, bytes)) }
  }
}

let loaded: Promise<Libc | undefined> | undefined

/** That of this process; undefined where it cannot be reached. */
export function libc(): Promise<Libc | undefined> {
  return (loaded ??= load())
}

async function load(): Promise<Libc | undefined> {
  if (process.platform !== 'linux' || endianness() !== 'LE') return undefined
  try {
    const koffi = (await import('koffi')).default
    return koffi.sizeof('void *') === 8 ? new Libc(koffi) : undefined
  } catch {
    return undefined // not installed, or not for this machine: a listener says how it reads
  }
}
