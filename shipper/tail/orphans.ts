// Streams whose files have not been found yet: those of the previous run, and those of files that were truncated since. The file
// may be unreadable for now, or on a disk that is not mounted. So its record is kept for a week, and a file that appears with
// its content continues the stream at the recorded position.

import type { DiskFile } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { GONE_FILE_MS, GONE_FILES_MAX, MESSAGE_BYTES_MAX } from '../../common/limits.ts'
import { Beginning, hasFingerprint, HEAD_BYTES, NO_HEAD, type Fingerprint } from './fingerprint.ts'
import type { FoundFile } from './find-files.ts'
import type { FollowedFile } from './followed-file.ts'
import { inodeKey } from './inode.ts'
import { lineStart } from './lines.ts'
import { reportGone, reportUnread } from './losses.ts'
import { namesOf, writtenName, type FileRecord, type PositionStore } from './position-store.ts'
import { isSibling } from './rotated-name.ts'
import { isDenied } from './unreadable.ts'

export class Orphans {
  readonly #store: PositionStore
  readonly #source: string
  readonly #platform: Pick<Platform, 'clock' | 'log' | 'metrics'>
  readonly #records = new Map<string, FileRecord>()
  /** Stream ids by the inode key that is recorded for their files. */
  readonly #byKey = new Map<string, Set<string>>()
  /** Records whose inode the last sweep did not find. */
  #lost: readonly FileRecord[] = []
  /** Ids of streams whose rest may be in a file that cannot be read; true if that is for lack of permission. */
  readonly #toLookFor = new Map<string, boolean>()

  constructor(store: PositionStore, source: string, platform: Pick<Platform, 'clock' | 'log' | 'metrics'>) {
    this.#store = store
    this.#source = source
    this.#platform = platform
    for (const record of store.records()) this.#add(record)
  }

  #add(record: FileRecord): void {
    this.delete(record)
    this.#records.set(record.stream, record)
    this.#byKey.set(keyOf(record), (this.#byKey.get(keyOf(record)) ?? new Set()).add(record.stream))
  }

  /** Keeps the record of a followed file that is gone, all but `unread` bytes of which were read. Returns the record. */
  keep(file: FollowedFile, unread = 0): FileRecord {
    const record = { ...file.record, goneMs: this.#nowMs, ...(unread > 0 && { unread }) }
    file.ended = true
    this.#add(record)
    this.#store.set(record)
    return record
  }

  /** A file that could not be opened at the very first start: once it can, it is read from `position` on, where it ended then. */
  expect(stream: string, { path, stat }: FoundFile): void {
    const { device, inode, size } = stat
    const key = { device: String(device), inode: String(inode) }
    const record = { stream, ...key, path, head: NO_HEAD, position: size, tail: '' }
    this.#add(record)
    this.#store.set(record)
  }

  /** The rest of this stream may be in a file that could not be read because of `error`: it is to be looked for again. */
  lookForAgain({ stream }: FileRecord, error?: unknown): undefined {
    this.#toLookFor.set(stream, isDenied(error))
  }

  /** Whether a rest may become readable at any time: all that are to be looked for again, but those this user may not read. */
  get isWaitedFor(): boolean {
    return this.#awaited.length > 0
  }

  /** Whether any rest is to be looked for again. */
  get areDue(): boolean {
    return this.#toLookFor.size > 0
  }

  /** Takes the records whose rest is to be looked for again: all, or those of files with one of these names. */
  toLookFor(names?: ReadonlySet<string>): FileRecord[] {
    const named = this.#due.filter((record) => !names || namesOf(record).some((name) => names.has(name)))
    for (const { stream } of named) this.#toLookFor.delete(stream)
    return named
  }

  /** Whether the rest of a file with one of these names may become readable: a rotated file beside it may be that rest. */
  awaits(names: readonly string[]): boolean {
    return this.#awaited.some((record) =>
      [writtenName(record), ...namesOf(record)].some((name) => names.includes(name)),
    )
  }

  all(): readonly FileRecord[] {
    return [...this.#records.values()]
  }

  /** Takes what a sweep has found, by inode key: a stream whose inode was found is not looked for in other files. */
  look(found: ReadonlyMap<string, unknown>): void {
    this.#lost = this.all().filter((record) => !found.has(keyOf(record)))
  }

  /** The files that a sweep has found, those first whose inode is recorded: only then is it known which of them were truncated. */
  ownFirst<Found>(found: ReadonlyMap<string, Found>): Iterable<[string, Found]> {
    if (this.#byKey.size === 0) return found
    const isOwn = ([key]: [string, Found]) => Number(this.#byKey.has(key))
    return [...found].sort((one, other) => isOwn(other) - isOwn(one))
  }

  /**
   * The record of the stream that this file continues; it stays an orphan until `delete`. `isRenamed` tells whether the recorded
   * file exists under another name. Then this one is its successor, which begins with the same bytes if only a header was read.
   */
  async find(
    file: DiskFile,
    { key, path, size }: { readonly key: string; readonly path: string; readonly size: number },
    isRenamed: (record: FileRecord) => Promise<boolean>,
  ): Promise<FileRecord | undefined> {
    const own = this.#ofKey(key)
    const likely = [...own, ...this.#alike(path)]
    if (likely.length === 0) return undefined
    const beginning = await Beginning.of(file)
    for (const record of likely) {
      if (!this.#records.has(record.stream) || size < record.position) continue
      const isOwn = keyOf(record) === key
      if ((record.head.bytes === 0 && !isOwn) || !beginning.is(record.head)) continue
      if (!(await hasFingerprint(file, fingerprintOf(record)))) continue
      if (isOwn && isUnread(record))
        return { ...record, position: await lineStart(file, record.position, MESSAGE_BYTES_MAX) }
      if (isOwn || !(await isRenamed(record))) return record
    }
    // Its content was replaced: the stream may continue in a copy.
    this.#lost = [...this.#lost, ...own]
    return undefined
  }

  /** Whether this open file is the file of another stream than `record`'s, or a copy of one of which more was read. */
  async knows(file: DiskFile, { key, path }: { readonly key: string; readonly path: string }, record: FileRecord) {
    const beginning = await Beginning.of(file)
    for (const other of this.#records.values()) {
      if (other.stream === record.stream || !beginning.is(other.head)) continue
      const isOwn = keyOf(other) === key
      if (isOwn && other.head.bytes === 0) return true
      if (!isOwn && !(isMore(other, record) && isLike(other, path))) continue
      if (await hasFingerprint(file, fingerprintOf(other))) return true
    }
    return false
  }

  get #due(): FileRecord[] {
    return [...this.#toLookFor.keys()].flatMap((stream) => this.#records.get(stream) ?? [])
  }

  get #awaited(): FileRecord[] {
    return this.#due.filter(({ stream }) => this.#toLookFor.get(stream) === false)
  }

  get #nowMs(): number {
    return this.#platform.clock.now() / 1000
  }

  #ofKey(key: string): FileRecord[] {
    return [...(this.#byKey.get(key) ?? [])].flatMap((stream) => this.#records.get(stream) ?? [])
  }

  // Many files may begin with the same header: the record of this path comes first, then those with the largest position.
  #alike(path: string): FileRecord[] {
    const lost = this.#lost.flatMap(({ stream }) => this.#records.get(stream) ?? [])
    const alike = lost.filter((each) => isLike(each, path))
    const named = (each: FileRecord) => Number(each.path === path)
    return alike.sort((one, other) => named(other) - named(one) || other.position - one.position)
  }

  /** Forgets a stream: its file is followed, or no longer waited for. */
  delete({ stream }: Pick<FileRecord, 'stream'>): void {
    const known = this.#records.get(stream)
    if (!known) return
    this.#records.delete(stream)
    this.#toLookFor.delete(stream)
    // The stream may become an orphan again, with another inode.
    const key = keyOf(known)
    const streams = this.#byKey.get(key)
    streams?.delete(stream)
    if (streams?.size === 0) this.#byKey.delete(key)
  }

  /** Waits for a file that was looked for and not found. That it is gone is logged once. */
  waitFor(record: FileRecord): void {
    if (this.#toLookFor.has(record.stream) || (record.goneMs !== undefined && record.unread === undefined)) return
    const gone = { ...record, goneMs: record.goneMs ?? this.#nowMs, unread: undefined }
    this.#records.set(record.stream, gone)
    this.#store.set(gone)
    reportGone(this.#platform, this.#source, record)
  }

  /** Gives up files that have been missing for `GONE_FILE_MS`, and, beyond `GONE_FILES_MAX`, those missing for longest. */
  forget(): void {
    const gone = this.all().flatMap((record) => (record.goneMs === undefined ? [] : [{ record, ms: record.goneMs }]))
    const over = gone.length - GONE_FILES_MAX
    if (over > 0) gone.sort((one, other) => one.ms - other.ms)
    const dueMs = this.#nowMs - GONE_FILE_MS
    gone.forEach(({ record, ms }, i) => {
      if (i >= over && ms >= dueMs) return
      reportUnread(this.#platform, this.#source, record.path, record.unread ?? 0)
      this.#store.remove(record.stream)
      this.delete(record)
    })
  }
}

/** Whether a record comes from `expect`: nothing of its file was read, and its position may be within a line. */
const isUnread = ({ head, position }: FileRecord) => head.bytes === 0 && position > 0

/** The inode key of a record. */
export function keyOf({ device, inode }: FileRecord): string {
  return inodeKey({ device: BigInt(device), inode: BigInt(inode) })
}

/** The fingerprint of a record. */
export function fingerprintOf({ head, tail, position }: FileRecord): Fingerprint {
  return { head, tail: Buffer.from(tail, 'base64'), position }
}

/** Whether more was read of `one` than of `other`, or more of it is in its head. */
function isMore(one: FileRecord, other: FileRecord): boolean {
  return one.position === other.position ? one.head.bytes > other.head.bytes : one.position > other.position
}

/** Whether a file at this path may be the recorded one. Many files have the same short head, so then it has to be a sibling. */
function isLike({ head, path }: FileRecord, found: string): boolean {
  return head.bytes >= HEAD_BYTES || isSibling(found, path)
}
