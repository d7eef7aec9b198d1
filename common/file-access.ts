// What SQLite does not tell or do: why a file cannot be opened or read, and a sync of what it finds written.

import * as fs from 'node:fs'
import { errnoOf, isOutOfDescriptors } from './fault.ts'

/** Whether the process has no descriptor left at the moment. SQLite does not report why it cannot open a file. */
export function lacksDescriptors(): boolean {
  try {
    fs.closeSync(fs.openSync('/dev/null', 'r'))
    return false
  } catch (error) {
    return isOutOfDescriptors(error)
  }
}

/** Whether this user may read or write the file. Also true if it is missing or cannot be checked for another reason. */
export function isAllowed(path: string, to: 'read' | 'write'): boolean {
  return !['EACCES', 'EPERM', 'EROFS'].includes(refusalOf(path, to) ?? '')
}

/** Whether the file or folder is on a file system that is read-only, for example since its disk reported an error. */
export function isOnReadOnlyDisk(path: string): boolean {
  return refusalOf(path, 'write') === 'EROFS'
}

function refusalOf(path: string, to: 'read' | 'write'): string | undefined {
  try {
    fs.accessSync(path, to === 'read' ? fs.constants.R_OK : fs.constants.W_OK)
    return undefined
  } catch (error) {
    return errnoOf(error)
  }
}

/** Whether the file does not exist. */
export function isGone(path: string): boolean {
  try {
    fs.lstatSync(path)
    return false
  } catch (error) {
    return errnoOf(error) === 'ENOENT'
  }
}

/** Syncs a file, if it exists: what a killed process wrote may be in the system's cache only. Throws the error of the system. */
export function syncNow(path: string): void {
  if (isGone(path)) return
  const file = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
}

const WHOLE_READ_BYTES = 1024 * 1024

/** The system's error if the file cannot be read to its end; undefined if it can. Synchronously reads the whole file. */
export function readFailure(path: string): unknown {
  try {
    const file = fs.openSync(path, 'r')
    try {
      const bytes = Buffer.allocUnsafeSlow(WHOLE_READ_BYTES)
      for (let at = 0, read = 1; read > 0; at += read) read = fs.readSync(file, bytes, 0, bytes.length, at)
      return undefined
    } finally {
      fs.closeSync(file)
    }
  } catch (error) {
    return error
  }
}
