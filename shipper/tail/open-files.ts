// Decides which files of a source are open: the busy ones, and as many quiet ones as the limit allows. If too many are open, files
// are closed in this order, within each group those that have been quiet for longest first:
//
//   1. rotated and read to its end      ─▶ found again by its inode
//   2. still at its name                ─▶ opened again by its path
//   3. rotated and not read to its end  ─▶ found again by its inode, in its next turn
//
// A file that has no name any more stays open, since it could not be opened again. Where these are many (build logs that live for
// seconds), they are followed for a shorter time after their last line.

import { FOLLOWED_OPEN_MAX, FOLLOWED_OPEN_PART } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { MORE_DESCRIPTORS, OpenShare } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'
import type { FollowedFile } from './followed-file.ts'

// If too many files are open, this many are closed at once, but at most an eighth of the limit.
const CLOSED_TOGETHER = 64

const share = new OpenShare(FOLLOWED_OPEN_PART)

const HELD = `too many files that have lost their names are open: they stay open until they have been read; ${MORE_DESCRIPTORS}`

export class OpenFiles {
  readonly #source: string
  readonly #platform: Platform
  readonly #files: () => Iterable<FollowedFile>
  readonly #warning: RateLimitedWarning
  /** After an attempt that could not close enough files: the next attempt is made when more than this many are open. */
  #lookAgainAt = 0
  #isCrowded = false

  /** `files` returns the files that are followed now. */
  constructor(source: string, platform: Platform, files: () => Iterable<FollowedFile>) {
    this.#source = source
    this.#platform = platform
    this.#files = files
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** The source takes its share of the descriptors of the process, until `end`. */
  begin(): void {
    share.begin(this.#platform.disk)
  }

  end(): void {
    share.end(this.#platform.disk)
  }

  /** How many files may be open beside the one being read: a part of what the process may open, the same for each source. */
  get max(): number {
    return Math.min(FOLLOWED_OPEN_MAX, share.of(this.#platform.disk))
  }

  get count(): number {
    let open = 0
    for (const file of this.#files()) if (file.isOpen) open += 1
    return open
  }

  /** A sweep was made: files that could not be closed before may be closed now. */
  lookAgain(): void {
    this.#lookAgainAt = 0
    let removed = 0
    for (const file of this.#files()) if (file.isOpen && file.isRemoved) removed += 1
    this.#isCrowded = removed > this.max / 2
  }

  /** Whether so many files are open that have no name any more that none may be left for new ones. */
  get isCrowded(): boolean {
    return this.#isCrowded
  }

  /** Closes quiet files if `count` open ones are too many. Returns how many are open afterwards. */
  async bound(count: number): Promise<number> {
    const { max } = this
    if (count <= Math.max(max, this.#lookAgainAt)) return count
    const together = Math.min(CLOSED_TOGETHER, max >> 3)
    const left = await this.#closeUntil(max - together)
    this.#lookAgainAt = left > max ? left + Math.max(1, together) : 0
    return left
  }

  async #closeUntil(max: number): Promise<number> {
    const open = [...this.#files()].filter((file) => file.isOpen)
    open.sort((one, other) => one.lastMs - other.lastMs)
    const ways = [
      (file: FollowedFile) => file.leaving && this.#closeRotated(file, false),
      (file: FollowedFile) => !file.leaving && file.closeFile().then(() => true),
      (file: FollowedFile) => this.#closeRotated(file, true),
    ]
    let left = open.length
    for (const close of ways) {
      for (const file of open) {
        if (left <= max) return left
        if (file.isOpen && (await close(file))) left -= 1
      }
    }
    if (left > this.max) this.#warning.warn({ source: this.#source, open: left, limit: this.max }, HELD)
    return left
  }

  async #closeRotated(file: FollowedFile, evenUnread: boolean): Promise<boolean> {
    const isClosed = await file.closeRotated(this.#platform.disk, evenUnread)
    if (isClosed) this.#platform.metrics.count('sluice_rotated_closed_total', { source: this.#source }, 1)
    return isClosed
  }
}
