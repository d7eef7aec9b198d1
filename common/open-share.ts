// A part of what this process may open, shared evenly by all components of one kind: they come and go, and none knows of the others.

import type { Disk } from './disk.ts'

/** What helps where there are too few. */
export const MORE_DESCRIPTORS = 'a higher limit on open files (LimitNOFILE, ulimit -n) makes room'

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
