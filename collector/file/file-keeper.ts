// Opens output files, and notices when somebody renamed or removed one.
//
// After an administrator's `rm` or `mv`, or a logrotate configuration without postrotate, lines must not go to an unlinked file, as
// they do with syslogd. So the path is looked up before each write (4 µs, compared to 30 for a write), and a missing file is created
// again. What was just written to a file that turns out to be unlinked is written again to the new one. On a network file system, where
// a lookup may take long, the path is checked about once a second: what was written to an unlinked file within that second is lost.
//
// Symbolic links: a fixed path is under the administrator's control, and a link there is followed. Below the folder of a template, a
// link in place of a file is not followed: senders cannot create links, but anyone who may write in that folder could redirect
// the lines of others. Folders on the way may be links (for example, a large sender moved to a disk of its own).

import { sleep } from '../../common/clock.ts'
import type { Platform } from '../../common/platform.ts'
import { errnoOf } from '../../common/fault.ts'
import {
  NAME_CHECK_EVERY_MS,
  NAME_CHECKS_PER_S,
  RENAMED_FILE_LOOK_MS,
  RENAMED_FILE_WAIT_MS,
} from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { FileOpener } from './file-opener.ts'
import type { Keeper, OutputFile } from './output-file.ts'
import { isSameFile } from './position-log.ts'

/** Is told when an output file is opened, and when it leaves its inode. */
export interface FileWatcher {
  /** Called after a file was opened, and before it is written to. */
  opened(file: OutputFile): Promise<void>
  /** Called while the file is still open, but its path does not refer to it any more. */
  left(file: OutputFile): Promise<void>
  /** Called when a file is about to be closed. Its descriptor stays open until the promise, if any, has settled. */
  closing?(file: OutputFile): Promise<void> | undefined
}

export interface FileKeeperOptions {
  readonly name: string
  /** The file that gets the lines of files that cannot be created, such as those whose path is a folder; absent for a fixed path. */
  readonly standIn?: () => OutputFile
  /** Called when the number of open files changes. */
  readonly onOpen: (by: number) => void
}

// Permanent errors of an open: the path is something else than a file, or no file can have this name.
const NAME_TAKEN = new Set(['EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL', 'ENXIO'])

export class FileKeeper implements Keeper {
  readonly #options: FileKeeperOptions
  readonly #platform: Platform
  readonly #opener: FileOpener
  readonly #watchers: FileWatcher[] = []
  readonly #warning: RateLimitedWarning
  #checkSecond = 0
  #checks = 0

  constructor(options: FileKeeperOptions, platform: Platform, opener: FileOpener) {
    this.#options = options
    this.#platform = platform
    this.#opener = opener
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Adds a watcher. Call before any file is opened. */
  tell(watcher: FileWatcher): void {
    this.#watchers.push(watcher)
  }

  prepare(file: OutputFile): Promise<void> | undefined {
    if (!file.handle) return this.open(file)
    const now = this.#platform.clock.monotonicMs()
    const isDue = now - file.checkedMs >= NAME_CHECK_EVERY_MS && this.#mayCheck(now)
    if (!isDue && file.handle.isAt?.(file.path) !== false) return this.#whenTracked(file)
    file.checkedMs = now
    return this.#check(file)
  }

  async isGone(file: OutputFile): Promise<boolean> {
    const { handle, path } = file
    if (handle?.isAt?.(path) !== false) return false
    // The file was renamed while it was written to. A compressor may have read it before this write and be about to remove it, so wait
    // for a moment whether it is unlinked.
    const { clock } = this.#platform
    for (const until = clock.monotonicMs() + RENAMED_FILE_WAIT_MS; ;) {
      if ((await handle.stat()).links === 0) return true
      if (clock.monotonicMs() >= until) return false
      await sleep(clock, RENAMED_FILE_LOOK_MS)
    }
  }

  // A file may become tracked long after it was opened; its watchers are then called again.
  #whenTracked(file: OutputFile): Promise<void> | undefined {
    return file.tracked && !file.begun ? this.#care(file) : undefined
  }

  /** Opens the file by its path. */
  async open(file: OutputFile): Promise<void> {
    if (file.handle) return
    try {
      const followsLink = this.#options.standIn === undefined
      const opened = await this.#opener.open(file.path, followsLink, (stat) => file.was(stat))
      file.opened(opened)
      file.divertedTo = undefined
      file.checkedMs = this.#platform.clock.monotonicMs()
      this.#options.onOpen(1)
      if (opened.endsMidLine) {
        const values = { destination: this.#options.name, path: file.path }
        this.#warning.warn(values, 'file ends in the middle of a line: a newline is added')
      }
    } catch (error) {
      this.#divert(file, error)
      return
    }
    try {
      await this.#care(file)
    } catch (error) {
      // Nothing is written before the watchers have succeeded. They are called again when the file is opened again.
      await this.close(file)
      throw error
    }
  }

  async close(file: OutputFile): Promise<void> {
    if (!file.handle) return
    this.#options.onOpen(-1)
    await file.close(this.#watchers.flatMap((each) => each.closing?.(file) ?? []))
  }

  async #care(file: OutputFile): Promise<void> {
    for (const each of this.#watchers) await each.opened(file)
  }

  #divert(file: OutputFile, error: unknown): void {
    const { standIn, name } = this.#options
    const errno = errnoOf(error)
    const other = standIn?.()
    if (!other || other === file || errno === undefined || !NAME_TAKEN.has(errno)) throw error
    file.divertedTo = other
    const values = { destination: name, path: file.path, errno, instead: other.path }
    this.#warning.warn(values, 'no file can have this name: its lines go to another file')
  }

  // Limits the checks per second. A file that is not checked stays due, so that all files get their turn.
  #mayCheck(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#checkSecond) {
      this.#checkSecond = second
      this.#checks = 0
    }
    this.#checks += 1
    return this.#checks <= NAME_CHECKS_PER_S
  }

  async #check(file: OutputFile): Promise<void> {
    const current = await this.#opener.stat(file.path)
    const { stat } = file
    if (current && stat && isSameFile(current, stat)) {
      // Somebody may have truncated the file (copytruncate) or appended to it.
      if (current.kind === 'file') file.length = current.size
      return this.#whenTracked(file)
    }
    const values = { destination: this.#options.name, path: file.path }
    this.#warning.warn(
      values,
      current ? 'another file has this name now: writing to that one' : 'file is gone: creating it again',
    )
    for (const each of this.#watchers) await each.left(file)
    file.leave((await file.handle?.stat())?.links === 0)
    await this.close(file)
    await this.open(file)
  }
}
