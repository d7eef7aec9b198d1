// The environment of the tests in this folder: a temporary folder, a simulated clock, and a disk that can be made to fail.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { gzipFrame } from '../../collector/file/compress-frame.ts'
import { FileDestination, type FileDestinationOptions } from '../../collector/file/file-destination.ts'
import { errnoOf } from '../../common/fault.ts'
import { lineFormat } from '../../common/message/line-format.ts'
import { utc } from '../../common/message/zone.ts'
import { systemDisk, type Disk, type DiskFile } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { FakeClock, settle } from '../fake/clock.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-file-'))
  folders.push(folder)
  return folder
}

/** A file destination in UTC that writes raw lines; with a data folder of its own unless one is given. */
export function fileDestination(
  options: Partial<FileDestinationOptions> & { path: string },
  platform: Platform,
  dataFolder: string = temporaryFolder(),
): FileDestination {
  const access = { mode: 0o640, folderMode: 0o750 }
  const whole = { line: lineFormat('raw'), access, filesMax: 100, pauseMs: 0, compressFrame: gzipFrame, ...options }
  return new FileDestination('files', whole, { platform, zone: utc, dataFolder })
}

/** Resolves when the disk knows that this folder is on a local file system, so that it checks names synchronously. */
export async function nearDisk(folder: string): Promise<void> {
  const path = join(folder, '.near')
  const file = await systemDisk.open(path, 'append')
  await until(() => file.isAt!(path) === true, 'the file system to be known')
  await file.close()
  rmSync(path)
}

/** Waits until `holds` returns true, while the disk works and the simulated clock does not advance. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const giveUp = Date.now() + 30_000
  while (!holds()) {
    if (Date.now() > giveUp) throw new Error(`waited half a minute for: ${what}`)
    await settle()
  }
}

/** Advances the clock by 20 ms at a time, letting the disk work in between, until `work` has settled. */
export async function inTime<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const ticking = setInterval(() => void clock.pass(20), 1)
  return work.finally(() => clearInterval(ticking))
}

/** The lines of a file; none where it is not there, as in the middle of a rotation. */
export function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').slice(0, -1)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Returns the error to throw in place of a call, or undefined. With `afterBytes`, a write writes that many bytes first. */
type Failing = (call: string, path: string) => Error | { error: Error; afterBytes: number } | undefined

/** The real disk, with the failures that `failing` returns. `count` is called when a call begins (1) and ends (-1). */
export function failingDisk(failing: Failing, count: (by: number) => void = () => undefined): Disk {
  const attempt = <T>(name: string, path: string, call: () => Promise<T>): Promise<T> => {
    const wrong = failing(name, path)
    return wrong instanceof Error ? Promise.reject(wrong) : counted(call)
  }
  const counted = async <T>(call: () => Promise<T>): Promise<T> => {
    count(1)
    try {
      return await call()
    } finally {
      count(-1)
    }
  }
  const failingFile = (file: DiskFile, path: string): DiskFile => ({
    read: (...args) => file.read(...args),
    async write(from, offset, length, position) {
      const wrong = failing('write', path)
      if (wrong instanceof Error) throw wrong
      if (!wrong) return counted(() => file.write(from, offset, length, position))
      const bytesWritten = Math.min(wrong.afterBytes, length)
      await file.write(from, offset, bytesWritten, position)
      throw Object.assign(wrong.error, { bytesWritten })
    },
    sync: () => attempt('sync', path, () => file.sync()),
    truncate: (bytes) => file.truncate(bytes),
    stat: () => file.stat(),
    isAt: (name) => file.isAt?.(name),
    setOwner: (user, group) => file.setOwner(user, group),
    setMode: (mode) => file.setMode(mode),
    close: () => file.close(),
  })
  return {
    ...systemDisk,
    open: (path, how, mode) =>
      attempt(how === 'read' ? 'read' : 'open', String(path), async () =>
        failingFile(await systemDisk.open(path, how, mode), String(path)),
      ),
    rename: (from, to) => attempt('rename', String(from), () => systemDisk.rename(from, to)),
    remove: (path) => attempt('remove', String(path), () => systemDisk.remove(path)),
  }
}

/** A system error like those that Node throws. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code })
}
