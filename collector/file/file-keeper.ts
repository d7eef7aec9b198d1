// Keeps an output file where its name says: opens it, and notices when somebody renamed or removed it.
//
// An administrator's `rm`, `mv` or forgotten postrotate must not send lines into a file without a name, as it does with
// syslogd: the name is looked up before each write (4 µs, where a write costs 30), and what is no longer there is made
// again. What was written to a file that then has no name is written again to the one that is made. On a network's disk, where
// a look may take long, it is done about once a second: what went to a nameless file within that second is gone with it.
//
// Links. A fixed path is the administrator's, and a link there is followed. Below the folder of a template a link in
// place of a file is not: senders cannot make links, but whoever may write in that folder could lead other people's
// lines elsewhere. Folders on the way may be links (a large sender moved to a disk of its own).

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

/** Told of files that are opened, before they are written to, and left. */
export interface FileWatcher {
  opened(file: OutputFile): Promise<void>
  /** It is still open, but its name is another file's now. */
  left(file: OutputFile): Promise<void>
}

export interface FileKeeperOptions {
  readonly name: string
  /** Takes what a file cannot whose name is taken by a folder or a link; absent for a fixed path. */
  readonly standIn?: () => OutputFile
  /** Called when the number of open files changes. */
  readonly onOpen: (by: number) => void
}

// Nothing that time heals: something that is no file has the name, or there can be no such name.
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

  /** Before any file is opened. */
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
    // Renamed while it was written to: a compressor may have read its end before that, and removes it in a moment.
    const { clock } = this.#platform
    for (const until = clock.monotonicMs() + RENAMED_FILE_WAIT_MS; ;) {
      if ((await handle.stat()).links === 0) return true
      if (clock.monotonicMs() >= until) return false
      await sleep(clock, RENAMED_FILE_LOOK_MS)
    }
  }

  // Stream bytes may come to a file that has been open for long.
  #whenTracked(file: OutputFile): Promise<void> | undefined {
    return file.tracked && !file.begun ? this.#care(file) : undefined
  }

  /** Opens the file by its name. */
  async open(file: OutputFile): Promise<void> {
    if (file.handle) return
    try {
      const followsLink = this.#options.standIn === undefined
      const { handle, stat, endsMidLine } = await this.#opener.open(file.path, followsLink, (stat) => file.was(stat))
      file.opened(handle, stat, endsMidLine)
      file.divertedTo = undefined
      file.checkedMs = this.#platform.clock.monotonicMs()
      this.#options.onOpen(1)
      if (endsMidLine) {
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
      // Nothing is written to it before its watchers are content: they are asked again when it is opened again.
      await this.close(file)
      throw error
    }
  }

  async close(file: OutputFile): Promise<void> {
    if (!file.handle) return
    this.#options.onOpen(-1)
    await file.close()
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

  // Thousands of files a second are not looked up: the budget goes round, since whoever is not looked up stays due.
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
    const there = await this.#opener.stat(file.path)
    const { stat } = file
    if (there && stat && there.inode === stat.inode && there.device === stat.device) {
      // Truncated by somebody (copytruncate), or appended to: the end is where the file says.
      if (there.kind === 'file') file.length = there.size
      return this.#whenTracked(file)
    }
    const values = { destination: this.#options.name, path: file.path }
    this.#warning.warn(
      values,
      there ? 'another file has this name now: writing to that one' : 'file is gone: creating it again',
    )
    for (const each of this.#watchers) await each.left(file)
    file.leave((await file.handle?.stat())?.links === 0)
    await this.close(file)
    await this.open(file)
  }
}
