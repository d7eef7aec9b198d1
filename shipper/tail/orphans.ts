// Streams of the last run whose files have not been found yet. A file may only be unreadable, or lie on a disk that is not
// there: what is known of it is kept for a week, and one that turns up with its content goes on at its position.

import type { DiskFile } from '../../common/disk.ts'
import { GONE_FILE_MS } from '../../common/limits.ts'
import { Beginning, hasFingerprint, HEAD_BYTES, type Fingerprint } from './fingerprint.ts'
import { inodeKey, type FollowedFile } from './followed-file.ts'
import { isSibling } from './lost-rest.ts'
import type { FileRecord, PositionStore } from './position-store.ts'

export class Orphans {
  readonly #store: PositionStore
  readonly #records = new Map<string, FileRecord>()
  readonly #byKey = new Map<string, FileRecord[]>()
  /** Those of which the last look did not find the inode. */
  #lost: readonly FileRecord[] = []

  constructor(store: PositionStore) {
    this.#store = store
    for (const record of store.records()) this.#add(record)
  }

  #add(record: FileRecord): void {
    this.#records.set(record.stream, record)
    this.#byKey.set(keyOf(record), [...(this.#byKey.get(keyOf(record)) ?? []), record])
  }

  /** A file that was followed is out of sight, read to its end. */
  keep(file: FollowedFile, nowMs: number): void {
    const record = { ...file.record, goneMs: nowMs }
    file.ended = true
    this.#add(record)
    this.#store.set(record)
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
    const own = this.#byKey.get(key) ?? []
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

  // Of many with one header, the one of this name first, then what has most to compare.
  #alike(path: string): FileRecord[] {
    const alike = this.#lost.filter((each) => isLike(each, path))
    const named = (each: FileRecord) => Number(each.path === path)
    return alike.sort((one, other) => named(other) - named(one) || other.position - one.position)
  }

  /** Whether its file is not followed yet. */
  has(record: FileRecord): boolean {
    return this.#records.has(record.stream)
  }

  /** Its file is followed. */
  delete(record: FileRecord): void {
    this.#records.delete(record.stream)
  }

  /** Its file was looked for and not found; true where that is news. */
  waitFor(record: FileRecord, nowMs: number): boolean {
    if (record.goneMs !== undefined) return false
    const gone = { ...record, goneMs: nowMs }
    this.#records.set(record.stream, gone)
    this.#store.set(gone)
    return true
  }

  /** Lets go of those that have been waited for long enough. */
  forget(nowMs: number): void {
    for (const { stream, goneMs } of this.#records.values()) {
      if (goneMs === undefined || goneMs >= nowMs - GONE_FILE_MS) continue
      this.#store.remove(stream)
      this.#records.delete(stream)
    }
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

/** Whether what is known of a file is enough to find it under this name: a short head is that of many. */
function isLike({ head, path }: FileRecord, found: string): boolean {
  return head.bytes >= HEAD_BYTES || isSibling(found, path)
}
