// Follows files that have left their names: the unread remainders of known streams, and generations that were rotated before any
// sweep saw them. `remainder-finder.ts` finds them.

import { basename, dirname } from 'node:path'
import type { DiskFile } from '../../common/disk.ts'
import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { ReadWarnings } from './read-warnings.ts'
import type { Copies } from './copies.ts'
import { followFrom } from './follow-from.ts'
import type { FollowedFile } from './followed-file.ts'
import { inodeKey } from './inode.ts'
import { reportUnread } from './losses.ts'
import type { Between, RemainderFinder, Remainder } from './remainder-finder.ts'
import { LOOKS_MAX } from './neighbours.ts'
import { fingerprintOf, keyOf, type Orphans } from './orphans.ts'
import { shownName } from './pattern.ts'
import { namesOf, writtenName, type FileRecord } from './position-store.ts'
import { isPacked, isRotatedName } from './rotated-name.ts'
import { isDenied, type LeftFile, type Unreadable } from './unreadable.ts'

export interface RemaindersSettings {
  readonly source: string
  /** When the last complete sweep of the previous run began, ms since the epoch. */
  readonly lastRunSweptMs: number | undefined
  readonly lost: RemainderFinder
  readonly orphans: Orphans
  readonly unreadable: Unreadable
  readonly copies: Copies
  readonly readWarnings: ReadWarnings
  /** Adds a file, with its open descriptor, to the followed ones. */
  readonly start: (followed: FollowedFile, file: DiskFile) => Promise<void>
}

// The times of files come from the kernel's last timer tick, so they may be this far behind the clock.
export const CLOCK_MARGIN_MS = 50

/** Log text for a remainder that was found. */
export const FOUND = 'found the unread rest of a rotated file'

export class Remainders {
  readonly #settings: RemaindersSettings
  readonly #platform: Platform
  readonly #lost: RemainderFinder
  readonly #orphans: Orphans
  readonly #readWarnings: ReadWarnings
  #lookedForOrphans = false
  /** Searches for unseen generations that are not complete: not made yet, or something could not be read. Repeated at each sweep. */
  readonly #betweenAgain: Pending[] = []
  /** The same for generations that this user may not read: repeated at each sweep, but nothing waits for them. */
  readonly #betweenDenied: Pending[] = []
  /** Inode keys of the files in which remainders were found; of the compressed file, if it was compressed. */
  readonly #keys = new Set<string>()

  constructor(settings: RemaindersSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#lost = settings.lost
    this.#orphans = settings.orphans
    this.#readWarnings = settings.readWarnings
  }

  /** Whether the streams of the previous run have been looked for: files found from now on do not continue them. */
  get lookedForOrphans(): boolean {
    return this.#lookedForOrphans
  }

  /** Whether a search is pending that may succeed at any time: some files may not have been seen yet. */
  get isWaiting(): boolean {
    return this.#betweenAgain.length > 0 || this.#orphans.isWaitedFor
  }

  /** The record of the stream that an open file continues, as `Orphans.find` decides. */
  orphanOf(file: DiskFile, key: string, path: string, size: number): Promise<FileRecord | undefined> {
    return this.#orphans.find(file, { key, path, size }, (record) =>
      this.#lost.isRenamed(namesOf(record), fingerprintOf(record), keyOf(record), { file, size }),
    )
  }

  /** Follows a file that could not be read before it left its name. It may continue a stream of the previous run. */
  async followLeft({ path, size, stream, remainder }: LeftFile): Promise<void> {
    if (!remainder) return reportUnread(this.#platform, this.#settings.source, path, size)
    try {
      const from = await this.#lost.orDiscarded(remainder, async () => {
        const known = await this.orphanOf(remainder.file, remainder.key, remainder.path, remainder.stat.size)
        return known ?? { stream, position: 0 }
      })
      await this.#follow(remainder, from.stream, from.position, path)
      this.#orphans.delete(from)
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
      this.#readWarnings.reportError(remainder.path, error)
    }
  }

  /**
   * Follows generations that had these names since the last complete sweep and were rotated before any sweep saw them. Left out are
   * copies of followed files, and the inode keys in `between.known` and `done` (a new file that was itself rotated just now).
   */
  async followBetween(between: Between, done?: Set<string>): Promise<void> {
    const { failure, keys } = await this.#followBetween(between, done)
    if (failure !== undefined) throw failure
    this.#readLater(this.#betweenDenied, between, keys)
  }

  /** The same, limited to the inode keys in `only` if there are any. Returns what could not be read; see `NotRead`. */
  async #followBetween({ names, sinceMs, known, only }: Pending, done = new Set<string>()): Promise<NotRead> {
    const { unreadable, copies } = this.#settings
    const notRead: { failure: unknown; readonly keys: Set<string> } = { failure: undefined, keys: new Set() }
    const written = names.filter((name) => !isRotatedName(name))
    if (sinceMs === undefined || written.length === 0) return notRead
    if (this.#orphans.awaits(names)) {
      this.#betweenAgain.push({ names, sinceMs, known, only })
      return notRead
    }
    for (let look = 1; look <= LOOKS_MAX; look += 1) {
      for (const rotated of await this.#lost.rotatedSince(written, sinceMs - CLOCK_MARGIN_MS)) {
        const key = inodeKey(rotated.stat)
        if (only ? !only.has(key) : known?.has(key)) continue
        // While sluice runs, a compressed generation has most often been read before it was compressed.
        if (done.has(key) || unreadable.has(key) || (!known && isPacked(rotated.path))) continue
        const stream = newId(this.#platform.random)
        try {
          const whole = await this.#lost.whole(rotated, stream)
          if (!whole) continue
          done.add(whole.key)
          notRead.keys.delete(key)
          const isCopy = () => copies.has(whole.file, whole.path, whole.stat.size)
          const unseen = await this.#lost.orDiscarded(whole, async () => ((await isCopy()) ? undefined : whole))
          if (unseen) await this.#follow(unseen, stream, 0, names[0])
        } catch (error) {
          if (errnoOf(error) === undefined || isOutOfDescriptors(error)) throw error
          // Other generations may be readable.
          if (!isDenied(error)) notRead.failure ??= error
          notRead.keys.add(key)
          this.#readWarnings.reportError(rotated.path, error)
        }
      }
      if (!this.#lost.moved) break
      this.#lost.lookAgain()
    }
    return notRead
  }

  /**
   * Adds a search for generations that could not be read, to be repeated at each sweep. It is limited to their inode keys: any other
   * file that it found would be followed by then, or have been, and would be taken for a new one.
   */
  #readLater(list: Pending[], between: Between, keys: ReadonlySet<string>): void {
    const pending = [...this.#betweenAgain, ...this.#betweenDenied]
    const only = new Set([...keys].filter((key) => !pending.some((other) => other.only?.has(key))))
    if (only.size > 0) list.push({ ...between, only })
  }

  /**
   * Follows the remainders of streams of the previous run whose files left their names, and the generations that came after them, under
   * their names or those of `newFiles`, before which some may have come that nobody has seen. The complete sweep before this one began at
   * `sweptMs`. After the first call: of the streams and generations that are to be looked for again.
   */
  async followOrphans(newFiles: readonly FollowedFile[], sweptMs: number | undefined): Promise<void> {
    const isFirst = !this.#lookedForOrphans
    this.#lookedForOrphans = true
    if (!isFirst) this.#orphans.forget()
    const behind = { sinceMs: sweptMs, known: this.#keys }
    if (isFirst) for (const { names } of newFiles) this.#betweenAgain.push({ names, ...behind })
    for (const record of isFirst ? this.#orphans.all() : this.#orphans.toLookFor()) {
      // A file that cannot be read yet is still at its name.
      const { unreadable } = this.#settings
      const key = keyOf(record)
      if (unreadable.has(key)) this.#orphans.lookForAgain(record, unreadable.errorOf(key))
      else await this.followOrphan(record, isFirst)
    }
    // Unseen generations come last: once all known streams are followed, a file that is not followed is one that nobody has seen.
    for (const each of [...this.#betweenAgain.splice(0), ...this.#betweenDenied.splice(0)]) {
      const failed = () => void this.#betweenAgain.push(each)
      const notRead = await this.#readWarnings.unless(each.names[0], () => this.#followBetween(each), failed)
      if (!notRead) continue
      const list = notRead.failure === undefined ? this.#betweenDenied : this.#betweenAgain
      this.#readLater(list, each, notRead.keys)
    }
    // No search is left that could take these files for unseen ones.
    if (!this.#betweenAgain.some(({ only }) => !only) && !this.#orphans.areDue) this.#keys.clear()
  }

  /** Continues a stream in its unread remainder, if that is found, and then queues a search for the generations that came after it. */
  async followOrphan(record: FileRecord, isFirst = false): Promise<void> {
    const follow = async () => {
      const found = await this.#lost.find(namesOf(record), fingerprintOf(record), keyOf(record), record.stream)
      if (!found) return undefined
      const followed = await this.#follow(found, record.stream, record.position, writtenName(record))
      followed.realPath = record.realPath // a link to it may be led back
      return found
    }
    const remainder = await this.#readWarnings.unless(record.path, follow, (error) =>
      this.#orphans.lookForAgain(record, error),
    )
    if (remainder) {
      this.#orphans.delete(record)
      if (!isFirst && record.goneMs !== undefined) return // it left its name in this run
      const sinceMs = this.#settings.lastRunSweptMs ?? remainder.modifiedMs
      // The generations that came after it are where it is itself: in the folder of its name, or in another one (`olddir`).
      const moved = `${dirname(remainder.path)}/${basename(writtenName(record))}`
      const names = [...new Set([writtenName(record), ...namesOf(record), moved])]
      this.#betweenAgain.push({ names, sinceMs, known: this.#keys })
    } else this.#orphans.waitFor(record)
  }

  /** Continues the stream in a copy, if the file was copied and truncated unseen and begins as before. Returns whether it was. */
  async followCut(record: FileRecord, file: DiskFile, path: string, { sinceMs, ...cut }: CutFile): Promise<boolean> {
    const now = { file, ...cut, sinceMs: sinceMs - CLOCK_MARGIN_MS }
    const isKnown = (copy: Remainder) => this.#orphans.knows(copy.file, copy, record)
    const copy = await this.#lost.findCutCopy(namesOf(record), fingerprintOf(record), record.stream, now, isKnown)
    if (copy) await this.#follow(copy, record.stream, record.position, path)
    return copy !== undefined
  }

  /** Follows a remainder; closes it, and removes its temporary file, if that fails. */
  async #follow(remainder: Remainder, stream: string, position: number, rotatedFrom: string): Promise<FollowedFile> {
    const follow = () => followFrom({ stream, stat: remainder.stat, path: remainder.path, position }, remainder.file)
    const followed = await this.#lost.orDiscarded(remainder, follow)
    followed.leave(rotatedFrom, remainder)
    this.#keys.add(remainder.key)
    const path = shownName(remainder.path)
    if (remainder.stat.size > position) this.#platform.log.info({ path, position }, FOUND)
    await this.#settings.start(followed, remainder.file)
    return followed
  }
}

/** A search for unseen generations that is to be repeated: for all of them, or only for those with these inode keys. */
type Pending = Between & { readonly only?: ReadonlySet<string> | undefined }

/** Inode keys of the files that could not be read, and the first error other than a lack of permission. */
interface NotRead {
  readonly failure: unknown
  readonly keys: ReadonlySet<string>
}

/** A file that may have been truncated since a sweep, and its present size. */
interface CutFile {
  readonly key: string
  readonly size: number
  /** When that sweep began, ms since the epoch. */
  readonly sinceMs: number
}
