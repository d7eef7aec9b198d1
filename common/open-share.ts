// A part of the limit on open files, shared evenly by all components of one kind, which come and go without knowing of each other.

import type { Disk } from './disk.ts'

/** Advice for log lines and faults when there are too few descriptors. */
export const MORE_DESCRIPTORS = 'raise the limit on open files (LimitNOFILE, ulimit -n)'

/** One `part`th of the limit on open files, at least 1; infinite if the system has no limit. */
export function openPart({ openMax = Infinity }: Disk, part: number): number {
  return Math.max(1, Math.floor(openMax / part))
}

export class OpenShare {
  readonly #part: number
  readonly #sharers = new WeakMap<Disk, number>()

  /** Together they hold one `part`th of the limit. */
  constructor(part: number) {
    this.#part = part
  }

  /** Adds a component, which has a share until it calls `end`. */
  begin(disk: Disk): void {
    this.#sharers.set(disk, (this.#sharers.get(disk) ?? 0) + 1)
  }

  end(disk: Disk): void {
    this.#sharers.set(disk, this.#sharers.get(disk)! - 1)
  }

  /** How many files each component may open, at least 1; infinite if the system has no limit. */
  of(disk: Disk): number {
    return openPart(disk, this.#part * Math.max(1, this.#sharers.get(disk) ?? 1))
  }
}
