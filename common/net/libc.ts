// System calls that Node does not offer, through the package koffi, which only this file imports. It is optional: without it, or on
// other systems, callers fall back to what Node offers.

import type Koffi from 'koffi'
import { endianness } from 'node:os'

/** Memory with a fixed address, which is never freed. */
export interface Memory {
  readonly address: bigint
  readonly bytes: Buffer
}

/** The functions of libc that are needed, on 64-bit little-endian Linux. */
export class Libc {
  readonly #koffi: typeof Koffi
  /** recvmmsg(2): the number of datagrams received, or −1. */
  readonly recvmmsg: (socket: number, headers: bigint, count: number, flags: number, timeout: null) => number
  /** setsockopt(2): 0, or −1. */
  readonly setsockopt: (socket: number, level: number, name: number, value: Buffer, bytes: number) => number
  /** getsockopt(2): 0, or −1. `bytes` is an int: the size of `value` on entry, the number of bytes written to it on return. */
  readonly getsockopt: (socket: number, level: number, name: number, value: Buffer, bytes: Buffer) => number

  /** _exit(2): ends the process at once, whatever its threads are doing. */
  readonly exit: (status: number) => void

  constructor(koffi: typeof Koffi) {
    this.#koffi = koffi
    const process = koffi.load(null) // the libc that this process is linked with
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

/** The libc of this process; undefined if it is not available. */
export function libc(): Promise<Libc | undefined> {
  return (loaded ??= load())
}

async function load(): Promise<Libc | undefined> {
  if (process.platform !== 'linux' || endianness() !== 'LE') return undefined
  try {
    const koffi = (await import('koffi')).default
    return koffi.sizeof('void *') === 8 ? new Libc(koffi) : undefined
  } catch {
    return undefined // not installed, or not for this machine; listeners log how they read
  }
}
