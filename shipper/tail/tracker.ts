// Which files there are, and which stream each of them is: by what is in them, not by their names.
//
//   sweep ─▶ known inode ──────────────▶ the same file, under whatever name
//         ─▶ known content, inode gone ─▶ the same stream (rewritten, restored, moved to another disk)
//         ─▶ copy of a file being cut ──▶ the unread rest of that stream
//         ─▶ anything else ─────────────▶ a new stream, from its start
//
// One loss cannot be helped: what is written to a file between the end of a copy and the cut that follows it (logrotate's
// copytruncate) is in neither, unless it was read in between. Nor can it be counted: nobody has seen it.
//
// A stream whose file has gone from its name is read to its end: while running by its descriptor, after a restart by
// looking for it beside its old name (`lost-rest.ts`).

import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import type { DiskFile, FileStat } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { MESSAGE_BYTES_MAX, UNREADABLE_FILE_MS } from '../../common/limits.ts'
import { newId } from '../../common/random.ts'
import { Complaints } from './complaints.ts'
import { Copies } from './copies.ts'
import { findFiles, type FoundFile } from './find-files.ts'
import { type FollowedFile, followFrom, realPathOf } from './followed-file.ts'
import { FollowedFiles } from './followed-files.ts'
import { inodeKey, openFound } from './inode.ts'
import { Leaving } from './leaving.ts'
import { lineStart } from './lines.ts'
import { reportGivenBack, reportUnread } from './losses.ts'
import { LostRest, type Rest } from './lost-rest.ts'
import { fingerprintOf, Orphans } from './orphans.ts'
import { OpenFiles } from './open-files.ts'
import { nameBytes, type PathPatterns } from './pattern.ts'
import { namesOf, writtenName, type PositionStore } from './position-store.ts'
import { CLOCK_MARGIN_MS, FOUND, Rests } from './rests.ts'
import { Unreadable } from './unreadable.ts'

export interface TrackerSettings {
  readonly source: string
  readonly patterns: PathPatterns
  /** Where decompressed rests are put, as name text. */
  readonly folder: string
  /** Whether files that are there at the very first start are read from their start or from their end. */
  readonly readFrom: 'start' | 'end'
}

const GONE = 'file is gone, and was not held open: looking for its unread rest'

export class Tracker {
  readonly #settings: TrackerSettings
  readonly #platform: Platform
  readonly #store: PositionStore
  readonly #lost: LostRest
  readonly #files: FollowedFiles
  readonly #orphans: Orphans
  readonly #unreadable: Unreadable
  readonly #rests: Rests
  readonly #leaving: Leaving
  /** Which of the files are open. */
  readonly open: OpenFiles
  #openNow = 0
  #first: boolean
  readonly #copies: Copies
  readonly #complaints: Complaints
  /** When the last whole sweep began, ms since the epoch: what was there then is followed, or was read to its end. */
  #sweptMs: number | undefined
  /** The folders that the last sweep went through, each with its device and inode. */
  folders: ReadonlyMap<string, string> = new Map()
  /** A file was renamed between the look and its opening. */
  #missed = false

  constructor(settings: TrackerSettings, store: PositionStore, isFirstStart: boolean, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#store = store
    this.#files = new FollowedFiles(store, platform)
    this.#lost = new LostRest(platform.disk, settings.folder, (key) => this.#files.byKey.has(key))
    this.#orphans = new Orphans(store, settings.source, platform)
    this.#complaints = new Complaints(platform)
    this.#unreadable = new Unreadable(this.#lost, platform)
    this.#copies = new Copies(this.#files.byKey, platform.clock)
    this.#leaving = new Leaving(platform.clock)
    const start = (followed: FollowedFile, file: DiskFile) => this.#start(followed, file)
    this.#rests = new Rests(
      {
        ...{ source: settings.source, lastRunSweptMs: store.sweptMs, lost: this.#lost, orphans: this.#orphans },
        ...{ unreadable: this.#unreadable, copies: this.#copies, complaints: this.#complaints, start },
      },
      platform,
    )
    this.open = new OpenFiles(settings.source, platform, () => this.files)
    this.#sweptMs = store.sweptMs
    this.#first = isFirstStart
  }

  /** All files that are followed. */
  get files(): Iterable<FollowedFile> {
    return this.#files.byKey.values()
  }

  /** Something was written to this path: false where it is not known, and only a sweep can tell. */
  touched(path: string): boolean {
    const file = this.#leaving.at(path)
    if (!file) return false
    file.dirty = true
    return true
  }

  /** Looks at everything once. */
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
        // A hard link is the same file: the name that is known already wins.
        if (!found.has(key) || this.#files.byKey.get(key)?.path === file.path) found.set(key, file)
      },
      folder: (path, key) => folders.set(path, key),
      failed: (path, reason) => this.#complaints.report(path, reason),
    })
    this.folders = folders
    await this.#files.look(found, this.#sweptMs, (names, inode) => this.#lost.whereIs(names, inode))
    this.open.lookAgain()
    this.#openNow = this.open.count
    this.#orphans.look(found)
    this.#copies.look(found)
    const news: FollowedFile[] = []
    for (const [key, file] of found) {
      const isNew = !this.#files.byKey.has(key) && (await this.#adopt(key, file, found))
      if (isNew) news.push(this.#files.byKey.get(key)!)
    }
    for await (const left of this.#unreadable.left(found)) await this.#rests.followLeft(left)
    await this.#rests.followOrphans(news, this.#sweptMs)
    if (this.#first) this.#swept(Math.min(startMs, this.#unreadable.oldestMs))
    else if (!this.#missed && !this.#isWaiting(startMs)) this.#swept(startMs)
    await this.#files.makeKnown(this.#first)
    this.#first = false
    this.#leaving.looked(this.#files.byKey.values())
    this.#complaints.looked()
    this.#platform.metrics.set('sluice_files_followed', { source: this.#settings.source }, this.#files.byKey.size)
  }

  /** Whether there is what cannot be read or looked for yet, and may hide what came before it. */
  #isWaiting(nowMs: number): boolean {
    if (!this.#unreadable.isWaitedFor && !this.#rests.isWaiting) return false
    return this.#sweptMs === undefined || nowMs - this.#sweptMs < UNREADABLE_FILE_MS
  }

  /** All that was there then is followed, or was read to its end; what is not, is younger, or nothing to wait for. */
  #swept(ms: number): void {
    this.#sweptMs = ms
    this.#store.swept(ms)
  }

  /** The file shrank, or its content was replaced: what was not read of it is looked for, and what is there now is new. */
  async cut(file: FollowedFile): Promise<void> {
    const wasLeaving = file.leaving
    const what = wasLeaving ? GONE : 'file was cut or rewritten: reading it from its start'
    this.#platform.log.info({ path: file.path, position: file.position }, what)
    this.#files.byKey.delete(file.key)
    const unread = await file.unreadBytes()
    await file.closeFile()
    this.#copies.forget()
    this.#lost.lookAgain() // the copy may be younger than the last look
    const rest = await this.#findRest(file)
    if (rest === 'later') this.#orphans.lookForAgain(this.#orphans.keep(file, file.unread))
    else if (rest) await this.#goOnIn(file, rest)
    else this.#end(file, unread)
    await this.#files.makeKnown(this.#first)
    if (!wasLeaving) await this.sweep()
  }

  /** Whether a file that was rotated has been quiet for long enough: what is open at its end is given out. */
  isDone(file: FollowedFile): boolean {
    return this.#leaving.isDone(file)
  }

  /** Lets go of a file that is read to its end and settled, at the earliest when a whole look has begun after its last write. */
  async drop(file: FollowedFile): Promise<void> {
    const hasName = file.temporary === undefined && (await file.hasName())
    file.lingers = this.#leaving.lingers(file, hasName)
    if (file.lingers) return
    // One that is not followed and was written to since then is one that nobody has seen.
    const nowMs = this.#platform.clock.now() / 1000
    const writtenMs = (await file.writtenMs()) ?? -Infinity
    if (writtenMs <= nowMs && !(writtenMs < (this.#sweptMs ?? -Infinity) - CLOCK_MARGIN_MS)) return
    // Nothing came under its name since: then nobody has looked for what came and went before.
    await this.#rests.followBetween({ names: file.names, sinceMs: file.leftAfterMs })
    this.#files.byKey.delete(file.key)
    // Moved out of sight, and nothing came in its place: it may be moved back.
    if (hasName && !this.#leaving.hasSuccessor(file)) this.#orphans.keep(file)
    else this.#end(file)
    await file.closeFile()
    if (file.temporary !== undefined) await this.#platform.disk.remove(nameBytes(file.temporary))
    this.#platform.log.info({ path: file.path, bytes: file.settled }, 'file is gone; it had been read to its end')
  }

  #end(file: FollowedFile, unread = 0): void {
    const { source } = this.#settings
    reportUnread(this.#platform, source, file.path, unread)
    // While it was looked for.
    if (file.givenBack) reportGivenBack(this.#platform, source, file.path, file.givenBack)
    file.ended = true
    this.#store.remove(file.stream)
  }

  /** The unread rest of a cut file: the stream, with the writes of it that are open, goes on there. */
  async #goOnIn(file: FollowedFile, rest: Rest): Promise<void> {
    const path = writtenName(file)
    await file.moveTo(rest.file, rest.stat, rest.path)
    file.leave(path, rest)
    this.#platform.log.info({ path: rest.path, position: file.position }, FOUND)
    await this.#keep(file)
  }

  /** Follows a file that was not followed; true where it is a new stream. One that cannot be read keeps no other from it. */
  async #adopt(key: string, there: FoundFile, found: Map<string, FoundFile>): Promise<boolean> {
    let file: DiskFile | undefined
    try {
      file = await openFound(this.#platform.disk, key, there.path)
      if (!file) return await this.#miss(key, there)
      const isNew = await this.#adoptOpen(key, there.path, file, found)
      this.#unreadable.delete(key)
      return isNew
    } catch (error) {
      if (file && !this.#files.byKey.has(key)) await file.close()
      if (errnoOf(error) === undefined) throw error
      await this.#unreadable.add(key, there, error)
      this.#complaints.reportError(there.path, error)
      return false
    }
  }

  async #adoptOpen(key: string, path: string, file: DiskFile, found: Map<string, FoundFile>): Promise<boolean> {
    const stat = await file.stat()
    const known = await this.#rests.orphanOf(file, key, path, stat.size)
    if (known) {
      const cut = this.#sweptMs !== undefined && { key, size: stat.size, sinceMs: this.#sweptMs }
      const isCut = cut && (await this.#rests.followCut(known, file, path, cut))
      const { stream, position } = known
      const { tail } = fingerprintOf(known)
      const followed = isCut || (await followFrom({ stream, stat, path: writtenName(known), position }, file, tail))
      this.#orphans.delete(known)
      if (followed !== true) {
        followed.renamedTo(path)
        await this.#start(followed, file)
        return false
      }
    }
    const rewritten = await this.#copies.rewrittenAs(file, path, stat.size, (key) => found.has(key))
    if (rewritten === 'wait' || (await this.#copies.maybe(key, file, stat.size))) {
      await file.close()
      return false
    }
    if (rewritten) {
      await this.#moveTo(rewritten, file, stat, path)
      return false
    }
    // After a start the streams of the last run are found first.
    if (this.#rests.lookedForOrphans) await this.#followBeforeIt(path, key)
    this.#files.succeeded(path)
    const position =
      this.#first && this.#settings.readFrom === 'end' ? await lineStart(file, stat.size, MESSAGE_BYTES_MAX) : 0
    const followed = await followFrom({ stream: newId(this.#platform.random), stat, path, position }, file)
    await this.#start(followed, file)
    return true
  }

  /** What came and went under the name of this new file, and beside where it is and its predecessors were. */
  async #followBeforeIt(path: string, key: string): Promise<void> {
    const realPath = await realPathOf(this.#platform.disk, path, key)
    const names = new Set([...namesOf({ path, realPath }), ...this.#files.namesLeft(path)])
    // What is known of it is not new: it goes on.
    for (const record of this.#orphans.toLookFor(names)) await this.#rests.followOrphan(record)
    await this.#rests.followBetween(
      { names: [...names], sinceMs: this.#files.sinceOf(path, this.#sweptMs) },
      new Set([key]),
    )
  }

  // At the very first start there is no look before that tells what is new: it is looked for by its inode. From `end` on it is old.
  async #miss(key: string, there: FoundFile): Promise<false> {
    this.#missed = true
    if (this.#first && this.#settings.readFrom === 'start') await this.#unreadable.add(key, there)
    return false
  }

  /** Beyond so many open files, it is opened again when its turn comes. */
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

  /** Fails, and the file stays as it is, where there are no descriptors to look with, or a write is open that may be given back. */
  async #findRest(file: FollowedFile): Promise<Rest | undefined | 'later'> {
    const { path, places, fingerprintRead, key, stream } = file
    let isLater = false
    const find = () => this.#lost.find(places, fingerprintRead, key, stream)
    const rest = await this.#complaints.unless(path, find, (error) => {
      isLater = true
      if (!isOutOfDescriptors(error) && !file.hasOpenWrites) return
      this.#files.byKey.set(key, file)
      throw error
    })
    return isLater ? 'later' : rest
  }

  async #keep(followed: FollowedFile): Promise<void> {
    await this.#files.keep(followed)
    this.#unreadable.delete(followed.key)
  }
}
