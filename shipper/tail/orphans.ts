// Streams whose files have not been found yet: those of the last run, and of files that were cut since. A file may only be
// unreadable, or lie on a disk that is not there: what is known of it is kept for a week, and one that turns up with its content
// goes on at its position.

import type { DiskFile } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { GONE_FILE_MS, GONE_FILES_MAX } from '../../common/limits.ts'
import { Beginning, hasFingerprint, HEAD_BYTES, type Fingerprint } from './fingerprint.ts'
import type { FollowedFile } from './followed-file.ts'
import { inodeKey } from './inode.ts'
import { reportGone, reportUnread } from './losses.ts'
import { namesOf, writtenName, type FileRecord, type PositionStore } from './position-store.ts'
import { isSibling } from './rotated-name.ts'
import { isDenied } from './unreadable.ts'

export class Orphans {
  readonly #store: PositionStore
  readonly #source: string
  readonly #platform: Pick<Platform, 'clock' | 'log' | 'metrics'>
  readonly #records = new Map<string, FileRecord>()
  /** Streams by the device and inode under which their files are, or were, known. */
  readonly #byKey = new Map<string, Set<string>>()
  /** Those of which the last look did not find the inode. */
  #lost: readonly FileRecord[] = []
  /** Those whose rest may be in what cannot be read, and whether that is for lack of permission. */
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

  /** A file that was followed is out of sight, read to its end but for so many bytes. Returns what is known of it. */
  keep(file: FollowedFile, unread = 0): FileRecord {
    const record = { ...file.record, goneMs: this.#nowMs, ...(unread > 0 && { unread }) }
    file.ended = true
    this.#add(record)
    this.#store.set(record)
    return record
  }

  /** Its rest may be in what cannot be read, for this reason: it is to be looked for again. */
  lookForAgain({ stream }: FileRecord, error?: unknown): undefined {
    this.#toLookFor.set(stream, isDenied(error))
  }

  /** Whether the rest of one may be readable at any time. */
  get isWaitedFor(): boolean {
    return this.#awaited.length > 0
  }

  /** Whether there are any that are to be looked for again. */
  get areDue(): boolean {
    return this.#toLookFor.size > 0
  }

  /** Those that are to be looked for again, each only once; of files with these names, or all. */
  toLookFor(names?: ReadonlySet<string>): FileRecord[] {
    const named = this.#due.filter((record) => !names || namesOf(record).some((name) => names.has(name)))
    for (const { stream } of named) this.#toLookFor.delete(stream)
    return named
  }

  /** Whether one of these names is to be looked for again: what lies rotated beside it may be its rest. */
  awaits(names: readonly string[]): boolean {
    return this.#awaited.some((record) =>
      [writtenName(record), ...namesOf(record)].some((name) => names.includes(name)),
    )
  }

  all(): readonly FileRecord[] {
    return [...this.#records.values()]
  }

  /** What a look has found, by inode key: the files of these need not be looked for among others. */
  look(found: ReadonlyMap<string, unknown>): void {
    this.#lost = this.all().filter((record) => !found.has(keyOf(record)))
  }

  /**
   * The stream that this file is; an orphan until it is followed. `isRenamed` says whether the file of a record is there under
   * another name: where all that was read of it is a header, its successor begins with the same bytes.
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
      if (isOwn || !(await isRenamed(record))) return record
    }
    return undefined
  }

  /** Whether this open file is that of another stream than `record`'s, or its copy: one of which more is known. */
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

  // Of many with one header, the one of this name first, then what has most to compare.
  #alike(path: string): FileRecord[] {
    const lost = this.#lost.flatMap(({ stream }) => this.#records.get(stream) ?? [])
    const alike = lost.filter((each) => isLike(each, path))
    const named = (each: FileRecord) => Number(each.path === path)
    return alike.sort((one, other) => named(other) - named(one) || other.position - one.position)
  }

  /** Its file is followed, or waited for no more. */
  delete({ stream }: Pick<FileRecord, 'stream'>): void {
    const known = this.#records.get(stream)
    if (!known) return
    this.#records.delete(stream)
    this.#toLookFor.delete(stream)
    // It may be lost again, and has another inode then.
    const key = keyOf(known)
    const streams = this.#byKey.get(key)
    streams?.delete(stream)
    if (streams?.size === 0) this.#byKey.delete(key)
  }

  /** Its file was looked for and not found, which is said once; it is waited for all the same. */
  waitFor(record: FileRecord): void {
    if (this.#toLookFor.has(record.stream) || (record.goneMs !== undefined && record.unread === undefined)) return
    const gone = { ...record, goneMs: record.goneMs ?? this.#nowMs, unread: undefined }
    this.#records.set(record.stream, gone)
    this.#store.set(gone)
    reportGone(this.#platform, this.#source, record)
  }

  /** Lets go of those that have been waited for long enough, and, of too many, of those that have been gone for longest. */
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

/** Device and inode under which it was known, as one key. */
export function keyOf({ device, inode }: FileRecord): string {
  return inodeKey({ device: BigInt(device), inode: BigInt(inode) })
}

/** What is known of its content. */
export function fingerprintOf({ head, tail, position }: FileRecord): Fingerprint {
  return { head, tail: Buffer.from(tail, 'base64'), position }
}

/** Whether more is known of the one than of the other. */
function isMore(one: FileRecord, other: FileRecord): boolean {
  return one.position === other.position ? one.head.bytes > other.head.bytes : one.position > other.position
}

/** Whether what is known of a file is enough to find it under this name: a short head is that of many. */
function isLike({ head, path }: FileRecord, found: string): boolean {
  return head.bytes >= HEAD_BYTES || isSibling(found, path)
}
