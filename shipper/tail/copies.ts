// Recognises new files with the content of a followed one: the copy that `copytruncate` makes before it truncates the file, or the
// file itself, rewritten under the same name or moved to another disk. A copy is not read, since its content is read from the original.
//
//   followed file     ├─ head ─┤ … ├─ tail ─┤ position …
//   its copy          ├─ same ─┤ … ├─ same ─┤ …             with more than was read of the file
//   half a copy       ├─ same ─┤ … ├─ same ─┤               still growing, or the file has grown since: its end is compared with the file
//   copy of a file
//   that is cut now   ├─ same ─┤ … ├─ same ─┤ …             with less than was read of it: compared at an earlier position

import type { DiskFile, FileStat } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { readFully } from '../../common/read-fully.ts'
import { Beginning, hasFingerprint, HEAD_BYTES, TAIL_BYTES } from './fingerprint.ts'
import type { FollowedFile } from './followed-file.ts'
import { writtenName } from './position-store.ts'
import { isCopyName, isRotated, isSameName } from './rotated-name.ts'

// A new file with the content of a followed one may be its copy: for this long, and after it was last seen to grow for as long as a
// slow disk needs to sync it, the truncation of the original is waited for.
const COPY_WAIT_MS = 3_000
const SYNC_BYTES_A_MS = 20_000
// One that grows for longer than a copy takes gets the same lines as the followed file, and is read as well.
const GROWING_MS = 60_000
// For this long after a truncation, a copy may turn up that was read from its original.
const CUT_MS = 60_000

/** A file that may be a copy. */
interface Suspect {
  /** When it was first seen, monotonic ms. */
  readonly firstMs: number
  /** When it was last seen to grow towards its original. */
  readonly sinceMs: number
  readonly size: number
}

interface Cut {
  readonly file: FollowedFile
  /** Monotonic ms. */
  readonly ms: number
}

export class Copies {
  readonly #files: ReadonlyMap<string, FollowedFile>
  readonly #platform: Pick<Platform, 'clock' | 'disk'>
  /** By inode key. */
  readonly #suspects = new Map<string, Suspect>()
  /** Files that were truncated and whose rest was not found, by path. */
  readonly #cuts = new Map<string, Cut>()

  /** `files` are the followed files, by inode key. */
  constructor(files: ReadonlyMap<string, FollowedFile>, platform: Pick<Platform, 'clock' | 'disk'>) {
    this.#files = files
    this.#platform = platform
  }

  /** Takes what a sweep has found, by inode key. Suspects that are gone are forgotten, since another file may get their inode. */
  look(found: ReadonlyMap<string, unknown>): void {
    for (const key of this.#suspects.keys()) if (!found.has(key)) this.#suspects.delete(key)
    const dueMs = this.#platform.clock.monotonicMs() - CUT_MS
    for (const [path, { ms }] of this.#cuts) if (ms < dueMs) this.#cuts.delete(path)
  }

  /**
   * How many bytes of this file were read from its original, if it is a copy of one that has been truncated since; else 0. The name
   * of a rotated file vouches for the bytes between the last position that was compared and its end.
   */
  async readOf(file: DiskFile, path: string, size: number): Promise<number> {
    for (const { file: cut } of this.#cuts.values()) {
      if (path === cut.path || !isCopyName(path, cut.path)) continue
      const read = await cut.readOf(file, size)
      if (read > 0) return isRotated(path, cut.path) ? Math.min(size, cut.position) : read
    }
    return 0
  }

  /** Whether this file has all that was read of a followed file, or is half of its copy, or all of it was read from a truncated one. */
  async has(file: DiskFile, path: string, size: number): Promise<boolean> {
    if (size > 0 && (await this.readOf(file, path, size)) === size) return true
    const beginning = await Beginning.of(file)
    for (const other of this.#files.values()) {
      if (other.head.bytes === 0 || !beginning.is(other.head) || !mayBeCopy(path, other)) continue
      // While nothing was read of a followed file, its head says little: all generations may have the same long header.
      if (size >= other.position && (other.position > 0 || size <= HEAD_BYTES)) {
        if (await hasFingerprint(file, other.fingerprintRead)) return true
        // A shorter one may be a generation that has only got its header.
      } else if (size > HEAD_BYTES && (await this.#compare(file, path, size, other)) === 'same') return true
    }
    return false
  }

  /** Whether this new file may be a copy of a followed one that is truncated next. False once it was suspected for long enough. */
  async maybe(key: string, file: DiskFile, path: string, size: number): Promise<boolean> {
    const nowMs = this.#platform.clock.monotonicMs()
    const before = this.#suspects.get(key)
    this.#suspects.delete(key)
    const hasPassed = (ms: number, fromMs = nowMs) => nowMs - fromMs >= ms + size / SYNC_BYTES_A_MS
    const isOver = hasPassed(COPY_WAIT_MS, before?.sinceMs)
    if ((isOver && before?.size === size) || hasPassed(GROWING_MS, before?.firstMs)) return false
    const beginning = await Beginning.of(file)
    for (const other of this.#files.values()) {
      if (other.position === 0 || other.head.bytes === 0 || !beginning.is(other.head)) continue
      if (!mayBeCopy(path, other)) continue
      // A file that has left its name is not truncated; logrotate's `renamecopy` copies it and removes it then.
      if (other.leaving && !isRotated(path, writtenName(other))) continue
      const isHalf = (await this.#compare(file, path, size, other)) !== 'other'
      // It was half made when it was last seen; now the original may be truncated already, and tell nothing.
      const wasHalf = before !== undefined && before.size < other.position
      const isWhole =
        (!isOver || wasHalf) && size >= other.position && (await hasFingerprint(file, other.fingerprintRead))
      if (!isHalf && !isWhole) continue
      const isGrowing = (isHalf && before?.size !== size) || (isWhole && wasHalf)
      const { firstMs = nowMs, sinceMs = nowMs } = before ?? {}
      this.#suspects.set(key, { firstMs, sinceMs: isGrowing ? nowMs : sinceMs, size })
      return true
    }
    return false
  }

  /**
   * Whether the file ends as the followed one does at the same place (`same`): then it is its copy, or half of it. `cut` if the followed
   * one was truncated meanwhile, so that it cannot be told.
   */
  async #compare(file: DiskFile, path: string, size: number, other: FollowedFile): Promise<'same' | 'cut' | 'other'> {
    if (!isCopyName(path, other.path)) return 'other'
    const at = Math.max(0, size - TAIL_BYTES)
    const original = await other.bytesAt(this.#platform.disk, at, size - at)
    if (original.equals(await readFully(file, at, size - at))) return 'same'
    return size <= other.position && original.length < size - at ? 'cut' : 'other'
  }

  /**
   * The followed file that was removed and rewritten at `path` with the same content and perhaps more, by an editor or from a
   * backup, or was moved there from another disk. `wait` if the old file is not read to its end yet. `isFound` tells whether the last
   * sweep found an inode key.
   */
  async rewrittenAs(
    file: DiskFile,
    path: string,
    { device, size }: FileStat,
    isFound: (key: string) => boolean,
  ): Promise<FollowedFile | 'wait' | undefined> {
    for (const other of this.#files.values()) {
      if (other.path !== path && !(other.leaving && isMovedTo(path, device, other))) continue
      if (isFound(other.key) || other.temporary !== undefined) continue
      if (other.head.bytes === 0 || size < other.position || !(await hasFingerprint(file, other.fingerprintRead)))
        continue
      const old = await other.unlinkedSize()
      if (old === undefined) continue
      return other.hasOpenWrites || (old !== other.position && old !== other.openAt) ? 'wait' : other
    }
    return undefined
  }

  /** A file was truncated: its copy is known now, so no file is suspected any longer. */
  forget(): void {
    this.#suspects.clear()
  }

  /** This file was truncated, and no copy with all that was read of it was found beside it. */
  cut(file: FollowedFile): void {
    this.#cuts.set(file.path, { file, ms: this.#platform.clock.monotonicMs() })
  }
}

/**
 * Whether a file at this path may be a copy of a followed one. Many files begin with the same short header: of them it has to be a sibling,
 * since a file that is removed within seconds would not be read otherwise.
 */
function mayBeCopy(path: string, other: FollowedFile): boolean {
  if (other.head.bytes >= HEAD_BYTES) return true
  return [writtenName(other), ...other.names].some((name) => isCopyName(path, name))
}

/** Whether the name and the disk of a new file admit that it is the moved file: on the same disk, a move would have kept the inode. */
function isMovedTo(path: string, device: bigint, other: FollowedFile): boolean {
  return (device !== other.device && isSameName(path, other.path)) || isRotated(path, writtenName(other))
}
