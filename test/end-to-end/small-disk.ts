// A small file system of its own, which a test can fill up and free again.

import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { errnoOf } from '../../common/fault.ts'
import { held } from './namespaces.ts'
import { temporaryFolder } from './program.ts'

export interface SmallDisk {
  /** Where it is for the program. */
  readonly folder: string
  /** What stands before a program that is to have it. */
  readonly under: readonly string[]
  /** Where the test finds what the program has at this path. */
  seen(path: string): string
}

/** Of 40 MiB, gone after the test; undefined where this user may neither mount one nor make namespaces. */
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

// Without root one may mount in a namespace of one's own. The program must run in it: SQLite resolves the links of its path,
// and what it finds behind /proc/PID/root would be outside.
async function ofOwnNamespace(folder: string): Promise<SmallDisk | undefined> {
  const holder = await held(['unshare', '--map-root-user', '--mount'], ['-m'])
  if (!holder?.can('mount', ...TMPFS, folder)) return undefined
  return { folder, under: holder.under, seen: (path) => `/proc/${holder.pid}/root${path}` }
}

/** Takes all room that is left; what it returns gives it back. */
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
