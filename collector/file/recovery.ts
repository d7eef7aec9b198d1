// Recovery after a crash: lines written after the last commit are delivered again by their streams, so they are cut off the file. They
// are moved to `<data>/cut/`, not thrown away: some may come from sources that cannot deliver again (UDP).

import { basename, dirname, join } from 'node:path'
import type { Cancel } from '../../common/clock.ts'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { errnoOf, reasonOf } from '../../common/fault.ts'
import { FILE_RETRY_MAX_MS } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Platform } from '../../common/platform.ts'
import { isFileOf, type FileEntry, type PositionLog } from './position-log.ts'
import { cutName } from './safe-name.ts'

const COPY_BYTES = 1024 * 1024
/** The longest name of a file on Linux (NAME_MAX). */
const NAME_BYTES_MAX = 255

/** What was found of a file, as it is logged. */
interface Finding {
  readonly path: string
  /** How much was cut off. */
  readonly bytes?: number
  /** Where it is now. */
  readonly kept?: string
}

/** Truncates every file of the position log to its committed length, even if it was renamed within its folder; then rewrites the log. */
export class Recovery {
  readonly #destination: string
  readonly #log: PositionLog
  readonly #dataFolder: string
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  /** Resolves when recovery is complete. Nothing may be written before that. */
  readonly over: Promise<void>
  #resolve!: () => void
  #left: readonly FileEntry[] = []
  /** By sentence: it is logged once for all files, of which there may be thousands. */
  readonly #findings = new Map<string, Finding[]>()
  #trying: Promise<unknown> = Promise.resolve()
  #cancelRetry: Cancel | undefined
  #stopped = false

  constructor(destination: string, log: PositionLog, dataFolder: string, platform: Platform) {
    this.#destination = destination
    this.#log = log
    this.#dataFolder = dataFolder
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.over = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** Tries everything once; resolves to whether recovery is complete. What fails on the disk is retried until it succeeds. */
  begin(): Promise<boolean> {
    const { damagedBytes, files } = this.#log
    if (damagedBytes > 0) {
      const values = { destination: this.#destination, bytes: damagedBytes }
      this.#platform.log.warn(
        values,
        'positions are damaged: files whose position is lost are left as they are, and some lines may be stored twice',
      )
    }
    this.#left = files
    return this.#attempt()
  }

  /** Stops retrying: recovery that is not complete by then stays incomplete in this run. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    await this.#trying
  }

  #attempt(): Promise<boolean> {
    const trying = this.#try()
    this.#trying = trying
    return trying
  }

  async #try(): Promise<boolean> {
    const left: FileEntry[] = []
    for (const entry of this.#left)
      if (!(await this.#succeeds(entry.path, () => this.#recover(entry)))) left.push(entry)
    this.#left = left
    this.#report()
    const isTidy = left.length === 0 && (await this.#succeeds(this.#dataFolder, () => this.#tidy()))
    if (this.#stopped) return false
    if (isTidy) this.#resolve()
    else this.#cancelRetry = this.#platform.clock.after(FILE_RETRY_MAX_MS, () => void this.#attempt())
    return isTidy
  }

  async #succeeds(path: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      const destination = this.#destination
      this.#platform.metrics.count('sluice_write_errors_total', { destination }, 1)
      const copies = cutFolder(this.#dataFolder)
      const values = { destination, path, copies, errno: errnoOf(error), retryMs: FILE_RETRY_MAX_MS }
      const text =
        'cannot cut off what was written after the last commit, or keep a copy of it; the sources of the destination wait'
      this.#warning.warn(values, `${text}: ${reasonOf(error)}`)
      return false
    }
  }

  async #recover(entry: FileEntry): Promise<void> {
    const { metrics, disk } = this.#platform
    const destination = this.#destination
    const found = await findFile(disk, entry)
    const { path } = entry
    if (!found || found.stat.size < entry.length) {
      const what = found ? 'is shorter than when it was last committed' : 'is gone or compressed since its last commit'
      this.#find(`file ${what}: it is left alone, and some of its lines may be stored twice`, { path })
      metrics.count('sluice_in_doubt_total', { destination }, 1)
    } else if (found.stat.size > entry.length && this.#log.doubts(entry)) {
      this.#find('file has a damaged position: it is left alone, and some of its lines may be stored twice', { path })
      metrics.count('sluice_in_doubt_total', { destination }, 1)
    } else if (found.stat.size > entry.length) {
      const kept = await cut(destination, found.path, entry, found.stat.size, this.#dataFolder, this.#platform)
      const bytes = found.stat.size - entry.length
      metrics.count('sluice_output_cut_bytes_total', { destination }, bytes)
      const text =
        'lines after the last commit were cut off: what can be read again is delivered again, and `kept` has a copy of all'
      this.#find(text, { path, bytes, kept })
    }
  }

  #find(text: string, finding: Finding): void {
    const others = this.#findings.get(text)
    if (others) others.push(finding)
    else this.#findings.set(text, [finding])
  }

  #report(): void {
    for (const [text, findings] of this.#findings) {
      const files = findings.length
      const bytes = findings.reduce((sum, finding) => sum + (finding.bytes ?? 0), 0)
      const all = files === 1 ? findings[0] : { files, first: findings[0].path }
      const cut = files > 1 && bytes > 0 && { bytes, kept: cutFolder(this.#dataFolder) }
      this.#platform.log.warn({ destination: this.#destination, ...all, ...cut }, text)
    }
    this.#findings.clear()
  }

  async #tidy(): Promise<void> {
    // Also if there is nothing to remove: what a killed process appended may be in the system's cache only.
    if (!this.#log.isEmpty) await this.#log.rewrite(() => false)
  }
}

async function findFile(disk: Disk, entry: FileEntry): Promise<{ path: string; stat: FileStat } | undefined> {
  const isIt = (stat: FileStat | undefined): stat is FileStat => stat !== undefined && isFileOf(entry, stat)
  const stat = await disk.stat(entry.path)
  if (isIt(stat)) return { path: entry.path, stat }
  const folder = dirname(entry.path)
  for (const name of await disk.list(folder)) {
    const path = join(folder, name.toString('utf8'))
    const stat = await disk.statLink(path)
    if (isIt(stat)) return { path, stat }
  }
  return undefined
}

const cutFolder = (dataFolder: string) => join(dataFolder, 'cut')

/**
 * Moves what is after the committed length of a file, up to `to`, to `<data>/cut/`; returns the path of the copy, which is synced before
 * the original is truncated.
 */
async function cut(
  destination: string,
  path: string,
  entry: FileEntry,
  to: number,
  dataFolder: string,
  { disk, clock }: Platform,
): Promise<string> {
  const from = entry.length
  const folder = cutFolder(dataFolder)
  await disk.makeFolder(folder)
  const stamp = new Date(clock.now() / 1000).toISOString().replaceAll(/[:.]/g, '')
  const named = (when: string) => join(folder, cutName(`${destination}-${when}-${basename(path)}`, NAME_BYTES_MAX))
  let kept = named(stamp)
  for (let n = 1; await disk.stat(kept); n += 1) kept = named(`${stamp}.${n}`)
  const original = await disk.open(path, 'write')
  let copy: DiskFile | undefined
  let isKept = false
  try {
    if (!isFileOf(entry, await original.stat())) throw new Error('another file has its name now')
    copy = await disk.open(kept, 'create')
    const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, to - from))
    for (let at = from; at < to;) {
      const bytes = await original.read(buffer, 0, Math.min(buffer.length, to - at), at)
      if (bytes === 0) break
      await copy.write(buffer, 0, bytes, at - from)
      at += bytes
    }
    await copy.sync()
    await disk.syncFolder(folder)
    isKept = true
    await original.truncate(from)
    await original.sync()
  } finally {
    await original.close()
    await copy?.close()
    // On a full disk, every attempt would leave another part of a copy.
    if (copy && !isKept) await disk.remove(kept)
  }
  return kept
}
