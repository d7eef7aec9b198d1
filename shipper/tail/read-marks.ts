// Some of the positions up to which a file was read, each with the bytes before it. Once the file is truncated, they tell its copy from
// other files, although the copy was made before the last lines were written and so ends before the position.

import type { DiskFile } from '../../common/disk.ts'
import { hasFingerprint, NO_HEAD, type Head } from './fingerprint.ts'

/** When there are more, every second one is forgotten. */
const MARKS_MAX = 8

interface Mark {
  readonly position: number
  /** The bytes before it, as in a fingerprint. */
  readonly tail: Buffer
}

export class ReadMarks {
  /** In rising order. */
  #marks: Mark[] = []

  add(mark: Mark): void {
    this.#marks.push(mark)
    if (this.#marks.length > MARKS_MAX) this.#marks = this.#marks.filter((_mark, i) => i % 2 === 0)
  }

  /**
   * The last of the positions that `file`, of `size` bytes, reaches, if it has this head and the bytes before that position; else 0.
   */
  async reachedBy(file: DiskFile, size: number, head: Head): Promise<number> {
    const mark = this.#marks.findLast(({ position }) => position <= size)
    if (!mark) return 0
    const isSame = await hasFingerprint(file, { head: head.bytes <= size ? head : NO_HEAD, ...mark })
    return isSame ? mark.position : 0
  }
}
