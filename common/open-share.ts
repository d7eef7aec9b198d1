// A part of what this process may open, shared evenly by all components of one kind: they come and go, and none knows of the others.
//
// The last descriptors are not given to connections. Where none is left, libuv takes what waits to be accepted and closes it, and tells
// us nothing: who has sent something by then loses it, and it is counted nowhere.

import type { Disk } from './disk.ts'
import { DESCRIPTORS_KEPT } from './limits.ts'
import type { Connection } from './net/net.ts'

/** Whether this connection has one of the last descriptors: it is to be turned away, and that to be said. */
export function hasLastDescriptor({ descriptor }: Connection, { openMax = Infinity }: Disk): boolean {
  return descriptor !== undefined && descriptor >= openMax - DESCRIPTORS_KEPT
}

/** What helps where there are too few. */
export const MORE_DESCRIPTORS = 'a higher limit on open files (LimitNOFILE, ulimit -n) makes room'
/** What is said of a connection that has one of the last. */
export const LAST_DESCRIPTOR = `connection refused: ${MORE_DESCRIPTORS}`

/** One `part`th of what this process may open, at least 1; without a limit where the system tells of none. */
export function openPart({ openMax = Infinity }: Disk, part: number): number {
  return Math.max(1, Math.floor(openMax / part))
}

export class OpenShare {
  readonly #part: number
  readonly #sharers = new WeakMap<Disk, number>()

  /** Together they hold one `part`th of what the process may open. */
  constructor(part: number) {
    this.#part = part
  }

  /** One more has a share from now on, until it is told to `end`. */
  begin(disk: Disk): void {
    this.#sharers.set(disk, (this.#sharers.get(disk) ?? 0) + 1)
  }

  end(disk: Disk): void {
    this.#sharers.set(disk, this.#sharers.get(disk)! - 1)
  }

  /** How many each of them may open, at least 1; without a limit where the system tells of none. */
  of(disk: Disk): number {
    return openPart(disk, this.#part * Math.max(1, this.#sharers.get(disk) ?? 1))
  }
}
