// Decides which stream each file belongs to, by the content of the file and not by its name.
//
//   sweep ─▶ known inode ───────────────────▶ the same file, whatever its name is now
//         ─▶ known content, inode gone ─────▶ the same stream (file rewritten, restored, or moved to another disk)
//         ─▶ copy of a file being truncated ─▶ the unread remainder of that stream
//         ─▶ anything else ─────────────────▶ a new stream, read from its start
//
// One loss cannot be avoided: what is written after logrotate's `copytruncate` has copied a file and before it truncates it
// is in neither file, unless it was read in between. It cannot be counted either, since nobody has seen it.
//
// A stream whose file has left its name is read to its end: through the open descriptor while sluice runs; after a restart,
// from a file that is found beside the old name (`remainder-finder.ts`).

import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import type { DiskFile, FileStat } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { MESSAGE_BYTES_MAX, UNREADABLE_FILE_MS } from '../../common/limits.ts'
import { newId } from '../../common/random.ts'
import { readFully } from '../../common/read-fully.ts'
import { ReadWarnings } from './read-warnings.ts'
import { Copies } from './copies.ts'
import { findFiles, type FoundFile } from './find-files.ts'
import { HEAD_BYTES } from './fingerprint.ts'
import { followFrom } from './follow-from.ts'
import type { FollowedFile } from './followed-file.ts'
import { FollowedFiles } from './followed-files.ts'
import { inodeKey, openFound, realPathOf } from './inode.ts'
import { Leaving } from './leaving.ts'
import { lineStart } from './lines.ts'
import { reportGivenBack, reportUnread } from './losses.ts'
import { RemainderFinder, type Remainder } from './remainder-finder.ts'
import { fingerprintOf, Orphans } from './orphans.ts'
import { OpenFiles } from './open-files.ts'
import { nameBytes, shownName, type PathPatterns } from './pattern.ts'
import { namesOf, writtenName, type PositionStore } from './position-store.ts'
import { CLOCK_MARGIN_MS, FOUND, Remainders } from './remainders.ts'
import { Unreadable } from './unreadable.ts'

export interface TrackerSettings {
  readonly source: string
  readonly patterns: PathPatterns
  /** Folder for decompressed remainders, as a name text (`pattern.ts`). */
  readonly folder: string
  /** Where reading begins in files that exist at the very first start. */
  readonly readFrom: 'start' | 'end'
}

const GONE = 'file is gone, and was not held open: looking for its unread rest'

export class Tracker {
  readonly #settings: TrackerSettings
  readonly #platform: Platform
  readonly #store: PositionStore
  readonly #lost: RemainderFinder
  readonly #files: FollowedFiles
  readonly #orphans: Orphans
  readonly #unreadable: Unreadable
  readonly #remainders: Remainders
  readonly #leaving: Leaving
  /** Decides which of the followed files are open. */
  readonly open: OpenFiles
  #openNow = 0
  #first: boolean
  readonly #copies: Copies
  readonly #readWarnings: ReadWarnings
  /** When the last complete sweep began, ms since the epoch: every file that existed then is followed, or was read to its end. */
  #sweptMs: number | undefined
  /** The previous run may have missed generations before the files that it followed last. */
  readonly #hasMissed: boolean
  /** The folders that the last sweep went through, by path, each with its inode key. */
  folders: ReadonlyMap<string, string> = new Map()
  /** In this sweep a file was renamed after it was found and before it was opened. */
  #missed = false

  constructor(settings: TrackerSettings, store: PositionStore, isFirstStart: boolean, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#store = store
    this.#files = new FollowedFiles(store, platform)
    this.#lost = new RemainderFinder(platform.disk, settings.folder, (key) => this.#isTaken(key))
    this.#orphans = new Orphans(store, settings.source, platform)
    this.#readWarnings = new ReadWarnings(platform)
    this.#unreadable = new Unreadable(this.#lost, platform)
    this.#copies = new Copies(this.#files.byKey, platform)
    this.#leaving = new Leaving(platform.clock)
    const start = (followed: FollowedFile, file: DiskFile) => this.#start(followed, file)
    this.#remainders = new Remainders(
      {
        ...{ source: settings.source, lastRunSweptMs: store.sweptMs, lost: this.#lost, orphans: this.#orphans },
        ...{ unreadable: this.#unreadable, copies: this.#copies, readWarnings: this.#readWarnings, start },
      },
      platform,
    )
    this.open = new OpenFiles(settings.source, platform, () => this.files)
    this.#sweptMs = store.sweptMs
    this.#hasMissed = store.isPartial
    this.#first = isFirstStart
  }

  /** All followed files. */
  get files(): Iterable<FollowedFile> {
    return this.#files.byKey.values()
  }

  /** Notes that something was written to this path. Returns false if no followed file is known there: then only a sweep can tell. */
  touched(path: string): boolean {
    const file = this.#leaving.at(path)
    if (!file) return false
    file.dirty = true
    return true
  }

  /** Looks once at every file that the patterns match. */
  async sweep(): Promise<void> {
    const { clock, disk } = this.#platform
    const found = new Map<string, FoundFile>()
    this.#lost.lookAgain()
    this.#missed = false
    const startMs = clock.now() / 1000
    const folders = new Map<string, string>()
    await findFiles(disk, this.#settings.patterns, {
      file: (file) => {
        const key = inodeKey(file.stat)
        // Hard links are names of one file: the name that is followed already wins.
        if (!found.has(key) || this.#files.byKey.get(key)?.path === file.path) found.set(key, file)
      },
      folder: (path, key) => folders.set(path, key),
      failed: (path, reason) => this.#readWarnings.report(path, reason),
    })
    this.folders = folders
    await this.#files.look(found, this.#sweptMs, (names, inode) => this.#lost.whereIs(names, inode))
    this.open.lookAgain()
    this.#openNow = this.open.count
    this.#orphans.look(found)
    this.#copies.look(found)
    const newFiles: FollowedFile[] = []
    for (const [key, file] of this.#orphans.ownFirst(found)) {
      const isNew = !this.#files.byKey.has(key) && (await this.#adopt(key, file, found))
      if (isNew) newFiles.push(this.#files.byKey.get(key)!)
    }
    for await (const left of this.#unreadable.left(found)) await this.#remainders.followLeft(left)
    await this.#remainders.followOrphans(newFiles, this.#sweptMs)
    const isComplete = !this.#missed && !this.#isWaiting(startMs)
    if (this.#first) this.#swept(Math.min(startMs, this.#unreadable.oldestMs))
    else if (isComplete) this.#swept(startMs)
    if (!isComplete) this.#store.sweptInPart()
    await this.#files.makeKnown(this.#first)
    this.#first = false
    this.#leaving.looked(this.#files.byKey.values())
    this.#readWarnings.looked()
    this.#platform.metrics.set('sluice_files_followed', { source: this.#settings.source }, this.#files.byKey.size)
  }

  /**
   * Whether this sweep is incomplete: some file cannot be read or looked for yet, and an earlier one may be hidden by it. That
   * holds up the time of the last complete sweep for `UNREADABLE_FILE_MS` at most.
   */
  #isWaiting(nowMs: number): boolean {
    if (!this.#unreadable.isWaitedFor && !this.#remainders.isWaiting) return false
    return this.#sweptMs === undefined || nowMs - this.#sweptMs < UNREADABLE_FILE_MS
  }

  /** Sets when the last complete sweep began. Files that existed then and are not followed were read, or are not waited for. */
  #swept(ms: number): void {
    this.#sweptMs = ms
    this.#store.swept(ms)
  }

  /** The file shrank, or its content was replaced. Looks for the part that was not read; what the file has now is a new stream. */
  async cut(file: FollowedFile): Promise<void> {
    const wasLeaving = file.leaving
    const text = wasLeaving ? GONE : 'file was cut or rewritten: reading it from its start'
    this.#platform.log.info({ path: shownName(file.path), position: file.position }, text)
    const unread = await file.unreadBytes()
    this.#files.byKey.delete(file.key)
    await file.closeFile()
    this.#copies.forget()
    this.#lost.lookAgain() // the copy may have been made after the folder was last listed
    const remainder = await this.#findRemainder(file)
    if (remainder === 'later') this.#orphans.lookForAgain(this.#orphans.keep(file, file.unread))
    else if (remainder) await this.#goOnIn(file, remainder)
    else {
      this.#copies.cut(file)
      this.#end(file, unread)
    }
    await this.#files.makeKnown(this.#first)
    if (!wasLeaving) await this.sweep()
  }

  /**
   * Looks at a file that was empty when it was found, before the first read. Returns `copy` if what it has now is the content of another
   * followed file: it is no longer followed, and the next sweep looks at it again. `empty` if it is still empty, and `new` if `makeKnown`
   * has to come first: then it must not be read now.
   */
  async lookAtFirst(file: FollowedFile, handle: DiskFile): Promise<'copy' | 'empty' | 'new' | undefined> {
    if (!file.mayBeCopy) return undefined
    const head = await readFully(handle, 0, HEAD_BYTES)
    if (head.length === 0) return file.leaving ? undefined : 'empty'
    const { size } = await handle.stat()
    const isCopy =
      !file.leaving &&
      ((await this.#copies.maybe(file.key, handle, file.path, size)) ||
        (await this.#copies.readOf(handle, file.path, size)) > 0)
    file.mayBeCopy = isCopy
    if (isCopy) await this.#letGo(file)
    else this.#files.beginsWith(file, head)
    return isCopy ? 'copy' : 'new'
  }

  /** Writes to disk what new files are recognised by, so that they can be read. Returns whether there were any. */
  async makeKnown(): Promise<boolean> {
    return !this.#first && this.#files.makeKnown(false)
  }

  /** Stops following a file of which nothing has been read. */
  async #letGo(file: FollowedFile): Promise<void> {
    this.#files.byKey.delete(file.key)
    this.#end(file)
    await file.closeFile()
  }

  /** Whether the file with this inode key is followed, and is known not to be a copy. */
  #isTaken(key: string): boolean {
    return this.#files.byKey.get(key)?.mayBeCopy === false
  }

  /** Whether a rotated file has been quiet for so long that an incomplete line or group at its end is delivered. */
  isDone(file: FollowedFile): boolean {
    return this.#leaving.isDone(file, this.open.isCrowded)
  }

  /** Stops following a file that is read to its end and settled, but not before a complete sweep has begun after its last write. */
  async drop(file: FollowedFile): Promise<void> {
    const hasName = file.temporary === undefined && (await file.hasName())
    file.lingers = this.#leaving.lingers(file, hasName)
    if (file.lingers) return
    // A file that is not followed and was written to after the last complete sweep counts as one that nobody has seen.
    const nowMs = this.#platform.clock.now() / 1000
    const writtenMs = (await file.writtenMs()) ?? -Infinity
    if (writtenMs <= nowMs && !(writtenMs < (this.#sweptMs ?? -Infinity) - CLOCK_MARGIN_MS)) return
    // `leftAfterMs` is set if its name has no successor: then nobody has looked for generations that came and went since.
    await this.#remainders.followBetween({ names: file.names, sinceMs: file.leftAfterMs })
    this.#files.byKey.delete(file.key)
    // It was moved out of the followed folders and nothing took its place: it may be moved back. So may a link to it.
    const mayReturn = !this.#leaving.hasSuccessor(file) || (await file.isBehindLink(this.#platform.disk))
    if (hasName && mayReturn) this.#orphans.keep(file)
    else this.#end(file)
    await file.closeFile()
    if (file.temporary !== undefined) await this.#platform.disk.remove(nameBytes(file.temporary))
    const path = shownName(file.path)
    this.#platform.log.info({ path, bytes: file.settled }, 'file is gone; it had been read to its end')
  }

  #end(file: FollowedFile, unread = 0): void {
    const { source } = this.#settings
    // Of writes that were rejected the messages are counted, so their bytes are not.
    reportUnread(this.#platform, source, file.path, Math.max(0, unread - (file.givenBack?.bytes ?? 0)))
    if (file.givenBack) reportGivenBack(this.#platform, source, file.path, file.givenBack)
    file.ended = true
    this.#store.remove(file.stream)
  }

  /** Continues the stream of a truncated file, with its open writes, in the unread remainder that was found. */
  async #goOnIn(file: FollowedFile, remainder: Remainder): Promise<void> {
    const path = writtenName(file)
    await file.moveTo(remainder.file, remainder.stat, remainder.path)
    file.leave(path, remainder)
    this.#platform.log.info({ path: shownName(remainder.path), position: file.position }, FOUND)
    await this.#keep(file)
  }

  /**
   * Starts to follow a file; true if generations may have come before it that nobody has seen. A file that cannot be read does not stop
   * the sweep.
   */
  async #adopt(key: string, seen: FoundFile, found: Map<string, FoundFile>, isAgain = false): Promise<boolean> {
    let file: DiskFile | undefined
    try {
      file = await openFound(this.#platform.disk, key, seen.path)
      if (!file) return await this.#miss(key, seen)
      const isNew = await this.#adoptOpen(key, seen.path, file, found)
      this.#unreadable.delete(key)
      return isNew
    } catch (error) {
      if (file && !this.#files.byKey.has(key)) await file.close()
      if (errnoOf(error) === undefined) throw error
      if (errnoOf(error) === 'EAGAIN' && !isAgain) {
        // It was cut as it was opened. That has to be known before its copy, which may not be in the listings, is looked at.
        this.#lost.lookAgain()
        return this.#adopt(key, seen, found, true)
      }
      await this.#unreadable.add(key, seen, error)
      if (this.#skipsOld) this.#orphans.expect(newId(this.#platform.random), seen)
      this.#readWarnings.reportError(seen.path, error)
      return false
    }
  }

  async #adoptOpen(key: string, path: string, file: DiskFile, found: Map<string, FoundFile>): Promise<boolean> {
    const stat = await file.stat()
    const known = await this.#remainders.orphanOf(file, key, path, stat.size)
    if (known) {
      const cut = this.#sweptMs !== undefined && { key, size: stat.size, sinceMs: this.#sweptMs }
      const isCut = cut && (await this.#remainders.followCut(known, file, path, cut))
      const { stream, position, head } = known
      const { tail } = fingerprintOf(known)
      const followed = isCut || (await followFrom({ stream, stat, path: writtenName(known), position }, file, tail))
      this.#orphans.delete(known)
      if (followed !== true) {
        followed.mayBeCopy = position === 0 && head.bytes === 0
        followed.renamedTo(path)
        await this.#start(followed, file)
        return this.#hasMissed
      }
    }
    const rewritten = await this.#copies.rewrittenAs(file, path, stat, (key) => found.has(key))
    if (rewritten === 'wait' || (await this.#copies.maybe(key, file, path, stat.size))) {
      await file.close()
      return false
    }
    if (rewritten) {
      await this.#moveTo(rewritten, file, stat, path)
      return false
    }
    const read = await this.#copies.readOf(file, path, stat.size)
    // The first sweep finds the streams of the previous run before it looks for generations in between.
    if (this.#remainders.lookedForOrphans) await this.#followBeforeIt(path, key)
    this.#files.succeeded(path)
    const start = this.#skipsOld ? await lineStart(file, stat.size, MESSAGE_BYTES_MAX) : 0
    const position = read > 0 ? read : start
    const followed = await followFrom({ stream: newId(this.#platform.random), stat, path, position }, file)
    await this.#start(followed, file)
    return true
  }

  /** Whether this is the very first sweep, and what files have by now is not wanted. */
  get #skipsOld(): boolean {
    return this.#first && this.#settings.readFrom === 'end'
  }

  /** Follows generations that came and went under the name of this new file. Looks beside its path and those of its predecessors. */
  async #followBeforeIt(path: string, key: string): Promise<void> {
    const realPath = await realPathOf(this.#platform.disk, path, key)
    const namesBefore = await this.#lost.namesWithFolders(this.#files.predecessorsAt(path))
    const names = new Set([...namesOf({ path, realPath }), ...namesBefore])
    // A file that continues a known stream is not new, so those streams are looked for first.
    for (const record of this.#orphans.toLookFor(names)) await this.#remainders.followOrphan(record)
    await this.#remainders.followBetween(
      { names: [...names], sinceMs: this.#files.sinceOf(path, this.#sweptMs) },
      new Set([key]),
    )
  }

  // A file was renamed before it could be opened. At the very first start there is no earlier sweep to tell that it is new, so
  // it is looked for by its inode; with `read_from: end` it is an old file, and is not read.
  async #miss(key: string, seen: FoundFile): Promise<false> {
    this.#missed = true
    if (this.#first && !this.#skipsOld) await this.#unreadable.add(key, seen)
    return false
  }

  /** Takes over the descriptor. If too many files are open, it is closed, and opened again when the file's turn comes. */
  async #start(followed: FollowedFile, file: DiskFile): Promise<void> {
    followed.use(file)
    await this.#keep(followed)
    if (this.#openNow >= this.open.max) await followed.closeFile()
    else this.#openNow += 1
  }

  async #moveTo(old: FollowedFile, file: DiskFile, stat: FileStat, path: string): Promise<void> {
    this.#files.byKey.delete(old.key)
    await old.moveTo(file, stat, path)
    old.leaving = false
    await this.#keep(old)
  }

  /**
   * The unread remainder of a file; `later` if it could not be looked for now. Rejects, and the file is followed as before, if no
   * descriptor was left for the search, or if a write is open that may still be rejected.
   */
  async #findRemainder(file: FollowedFile): Promise<Remainder | undefined | 'later'> {
    const { path, searchPaths, fingerprintRead, key, stream } = file
    let isLater = false
    const find = () => this.#lost.find(searchPaths, fingerprintRead, key, stream)
    const remainder = await this.#readWarnings.unless(path, find, (error) => {
      isLater = true
      if (!isOutOfDescriptors(error) && !file.hasOpenWrites) return
      this.#files.byKey.set(key, file)
      throw error
    })
    return isLater ? 'later' : remainder
  }

  async #keep(followed: FollowedFile): Promise<void> {
    const empty = this.#files.byKey.get(followed.key)
    if (empty && empty !== followed) await this.#letGo(empty)
    await this.#files.keep(followed)
    this.#unreadable.delete(followed.key)
  }
}
