// A small file system that a test can fill up and free again.

import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { errnoOf } from '../../common/fault.ts'
import { held } from './namespaces.ts'
import { temporaryFolder } from './program.ts'

export interface SmallDisk {
  /** Its mount point, as the program sees it. */
  readonly folder: string
  /** The command under which a program has to run to see it (see `Setting.under`). */
  readonly under: readonly string[]
  /** The path by which the test reaches what the program sees at `path`. */
  seen(path: string): string
}

/** Mounts a file system of 40 MiB until the end of the test; undefined if this user may neither mount it nor create namespaces. */
export async function smallDisk(): Promise<SmallDisk | undefined> {
  const folder = join(temporaryFolder(), 'disk')
  mkdirSync(folder)
  try {
    execFileSync('mount', [...TMPFS, folder], { stdio: 'ignore' })
  } catch {
    return ofOwnNamespace(folder)
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  return { folder, under: [], seen: (path) => path }
}

const TMPFS = ['-t', 'tmpfs', '-o', 'size=40m', 'none']

// Without root, mounting is possible in a namespace of its own. The program has to run in that namespace: SQLite resolves the links
// in its path, and /proc/PID/root would lead it outside.
async function ofOwnNamespace(folder: string): Promise<SmallDisk | undefined> {
  const holder = await held(['unshare', '--map-root-user', '--mount'], ['-m'])
  if (!holder?.can('mount', ...TMPFS, folder)) return undefined
  return { folder, under: holder.under, seen: (path) => `/proc/${holder.pid}/root${path}` }
}

/** Fills up the file system. Returns a function that frees the space again. */
export function fillUp(disk: SmallDisk): () => void {
  const ballast = disk.seen(join(disk.folder, 'ballast'))
  const file = openSync(ballast, 'w')
  for (let piece = Buffer.alloc(1024 * 1024); piece.length > 0;) {
    try {
      writeSync(file, piece)
    } catch (error) {
      if (errnoOf(error) !== 'ENOSPC') throw error
      piece = piece.subarray(0, piece.length >> 1)
    }
  }
  closeSync(file)
  return () => rmSync(ballast)
}
