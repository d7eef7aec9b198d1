// Following what has no name of its own any more: the unread rests of streams, and files that came and went while nobody looked.
// `lost-rest.ts` finds them.

import type { DiskFile } from '../../common/disk.ts'
import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { Complaints } from './complaints.ts'
import type { Copies } from './copies.ts'
import { type FollowedFile, followFrom } from './followed-file.ts'
import { inodeKey } from './inode.ts'
import { reportUnread } from './losses.ts'
import type { Between, LostRest, Rest } from './lost-rest.ts'
import { LOOKS_MAX } from './neighbours.ts'
import { fingerprintOf, keyOf, type Orphans } from './orphans.ts'
import { namesOf, writtenName, type FileRecord } from './position-store.ts'
import { isPacked, isRotatedName } from './rotated-name.ts'
import { isDenied, type LeftFile, type Unreadable } from './unreadable.ts'

export interface RestsSettings {
  readonly source: string
  /** When the last whole look of the last run began, ms since the epoch. */
  readonly lastRunSweptMs: number | undefined
  readonly lost: LostRest
  readonly orphans: Orphans
  readonly unreadable: Unreadable
  readonly copies: Copies
  readonly complaints: Complaints
  /** Takes a file, open, among those that are followed. */
  readonly start: (followed: FollowedFile, file: DiskFile) => Promise<void>
}

// Times of files are those of the kernel's last tick.
export const CLOCK_MARGIN_MS = 50

/** What is said of a rest that was found. */
export const FOUND = 'found the unread rest of a rotated file'

export class Rests {
  readonly #settings: RestsSettings
  readonly #platform: Platform
  readonly #lost: LostRest
  readonly #orphans: Orphans
  readonly #complaints: Complaints
  #lookedForOrphans = false
  /** What came and went while it was stopped, and could not be looked for or read yet. */
  readonly #betweenAgain: Pending[] = []
  /** What came and went, and could not be read for lack of permission. */
  readonly #betweenDenied: Pending[] = []
  /** Where rests were found, by inode key: of what is packed, the packed file. */
  readonly #keys = new Set<string>()

  constructor(settings: RestsSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#lost = settings.lost
    this.#orphans = settings.orphans
    this.#complaints = settings.complaints
  }

  /** Whether the streams of the last run have been looked for: what is found from now on is none of them. */
  get lookedForOrphans(): boolean {
    return this.#lookedForOrphans
  }

  /** Whether there is something to be looked for that may be found at any time: there are files that have not been seen yet. */
  get isWaiting(): boolean {
    return this.#betweenAgain.length > 0 || this.#orphans.isWaitedFor
  }

  /** The stream that an open file is, as `Orphans.find` has it. */
  orphanOf(file: DiskFile, key: string, path: string, size: number): Promise<FileRecord | undefined> {
    return this.#orphans.find(file, { key, path, size }, (record) =>
      this.#lost.isRenamed(namesOf(record), fingerprintOf(record), keyOf(record), { file, size }),
    )
  }

  /** A file was not read before it left its name: it may be known from the last run. */
  async followLeft({ path, size, stream, rest }: LeftFile): Promise<void> {
    if (!rest) return reportUnread(this.#platform, this.#settings.source, path, size)
    try {
      const from = await this.#lost.orDiscarded(rest, async () => {
        const known = await this.orphanOf(rest.file, rest.key, rest.path, rest.stat.size)
        return known ?? { stream, position: 0 }
      })
      await this.#follow(rest, from.stream, from.position, path)
      this.#orphans.delete(from)
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
      this.#complaints.reportError(rest.path, error)
    }
  }

  /**
   * Rotated files that came and went under these names since the last whole sweep: nobody has seen them. A copy of what is
   * followed is none of them, nor is what is `known` or `done`, by device and inode: such as a new file that was just now rotated itself.
   */
  async followBetween(between: Between, done?: Set<string>): Promise<void> {
    const { failure, keys } = await this.#followBetween(between, done)
    if (failure !== undefined) throw failure
    this.#readLater(this.#betweenDenied, between, keys)
  }

  /** The same, again: with `only`, of what could not be read the last time. Returns what could not be read, and why not, but for lack of permission. */
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
        // While it runs, a packed one is most often what was read before it was packed.
        if (done.has(key) || unreadable.has(key) || (!known && isPacked(rotated.path))) continue
        const stream = newId(this.#platform.random)
        try {
          const whole = await this.#lost.whole(rotated, stream)
          if (!whole) continue
          done.add(whole.key)
          notRead.keys.delete(key)
          const isCopy = () => copies.has(whole.file, whole.stat.size)
          const unseen = await this.#lost.orDiscarded(whole, async () => ((await isCopy()) ? undefined : whole))
          if (unseen) await this.#follow(unseen, stream, 0, names[0])
        } catch (error) {
          if (errnoOf(error) === undefined || isOutOfDescriptors(error)) throw error
          // The others may be readable.
          if (!isDenied(error)) notRead.failure ??= error
          notRead.keys.add(key)
          this.#complaints.reportError(rotated.path, error)
        }
      }
      if (!this.#lost.moved) break
      this.#lost.lookAgain()
    }
    return notRead
  }

  /**
   * These are asked for again with every look, and nothing else that is there then: it is followed by then, or was, and would be taken
   * for new once it is let go of.
   */
  #readLater(where: Pending[], between: Between, keys: ReadonlySet<string>): void {
    const pending = [...this.#betweenAgain, ...this.#betweenDenied]
    const only = new Set([...keys].filter((key) => !pending.some((other) => other.only?.has(key))))
    if (only.size > 0) where.push({ ...between, only })
  }

  /**
   * Finds what the last run followed and is not where it was, and what came after it under its name or those of `news`: the new
   * streams of this look. The last whole one before it began at `sweptMs`.
   */
  async followOrphans(news: readonly FollowedFile[], sweptMs: number | undefined): Promise<void> {
    const isFirst = !this.#lookedForOrphans
    this.#lookedForOrphans = true
    if (!isFirst) this.#orphans.forget()
    const behind = { sinceMs: sweptMs, known: this.#keys }
    if (isFirst) for (const { names } of news) this.#betweenAgain.push({ names, ...behind })
    for (const record of isFirst ? this.#orphans.all() : this.#orphans.toLookFor()) {
      // What is at its name, and cannot be read yet, has not left it.
      const isThere = this.#settings.unreadable.has(keyOf(record))
      if (isThere) this.#orphans.lookForAgain(record)
      else await this.followOrphan(record, isFirst)
    }
    // What came while nobody looked. When all that is known is followed, only the unknown is left.
    for (const each of [...this.#betweenAgain.splice(0), ...this.#betweenDenied.splice(0)]) {
      const failed = () => void this.#betweenAgain.push(each)
      const notRead = await this.#complaints.unless(each.names[0], () => this.#followBetween(each), failed)
      if (!notRead) continue
      const where = notRead.failure === undefined ? this.#betweenDenied : this.#betweenAgain
      this.#readLater(where, each, notRead.keys)
    }
    // All that may be taken for unseen has been looked for.
    if (!this.#betweenAgain.some(({ only }) => !only) && !this.#orphans.areDue) this.#keys.clear()
  }

  /** It goes on in its rest, if there is one and it can be told yet; what came behind it while nobody looked is looked for next. */
  async followOrphan(record: FileRecord, isFirst = false): Promise<void> {
    const follow = async () => {
      const found = await this.#lost.find(namesOf(record), fingerprintOf(record), keyOf(record), record.stream)
      if (found) await this.#follow(found, record.stream, record.position, writtenName(record))
      return found
    }
    const rest = await this.#complaints.unless(record.path, follow, (error) =>
      this.#orphans.lookForAgain(record, error),
    )
    if (rest) {
      this.#orphans.delete(record)
      if (!isFirst && record.goneMs !== undefined) return // it left its name in this run
      const sinceMs = this.#settings.lastRunSweptMs ?? rest.modifiedMs
      this.#betweenAgain.push({ names: [writtenName(record), ...namesOf(record)], sinceMs, known: this.#keys })
    } else this.#orphans.waitFor(record)
  }

  /** The file was copied and cut while nobody looked, and begins like before: the stream goes on in the copy. */
  async followCut(record: FileRecord, file: DiskFile, path: string, { sinceMs, ...cut }: CutFile): Promise<boolean> {
    const now = { file, ...cut, sinceMs: sinceMs - CLOCK_MARGIN_MS }
    const isKnown = (copy: Rest) => this.#orphans.knows(copy.file, copy, record)
    const copy = await this.#lost.findCutCopy(namesOf(record), fingerprintOf(record), record.stream, now, isKnown)
    if (copy) await this.#follow(copy, record.stream, record.position, path)
    return copy !== undefined
  }

  /** Lets go of the rest where it cannot be followed. */
  async #follow(rest: Rest, stream: string, position: number, rotatedFrom: string): Promise<void> {
    const follow = () => followFrom({ stream, stat: rest.stat, path: rest.path, position }, rest.file)
    const followed = await this.#lost.orDiscarded(rest, follow)
    followed.leave(rotatedFrom, rest)
    this.#keys.add(rest.key)
    if (rest.stat.size > position) this.#platform.log.info({ path: rest.path, position }, FOUND)
    await this.#settings.start(followed, rest.file)
  }
}

/** What came and went, and is to be looked for again: all of it, or what could not be read of it, by device and inode. */
type Pending = Between & { readonly only?: ReadonlySet<string> | undefined }

/** What could not be read, by device and inode, and the first reason that is no lack of permission. */
interface NotRead {
  readonly failure: unknown
  readonly keys: ReadonlySet<string>
}

/** What may have been cut since a look, and how large it is now. */
interface CutFile {
  readonly key: string
  readonly size: number
  /** When that look began, ms since the epoch. */
  readonly sinceMs: number
}
