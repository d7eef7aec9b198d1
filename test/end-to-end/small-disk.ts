// A small file system of its own, which a test can fill up and free again.

import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { errnoOf } from '../../common/fault.ts'
import { temporaryFolder } from './program.ts'

/** Of 40 MiB, gone after the test; undefined where this user may not mount one. */
export function smallDisk(): string | undefined {
  const folder = join(temporaryFolder(), 'disk')
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'none', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  return folder
}

/** Takes all room that is left; what it returns gives it back. */
export function fillUp(disk: string): () => void {
  const ballast = join(disk, 'ballast')
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
