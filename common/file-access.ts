// What the system says of a file that a library could not open or read, where the library itself says no more than that.

import * as fs from 'node:fs'
import { errnoOf, isOutOfDescriptors } from './fault.ts'

/** Whether no descriptor is left at the moment. SQLite does not say why it cannot open a file. */
export function lacksDescriptors(): boolean {
  try {
    fs.closeSync(fs.openSync('/dev/null', 'r'))
    return false
  } catch (error) {
    return isOutOfDescriptors(error)
  }
}

/** Whether this user may read or write the file; true also if it is missing or cannot be looked at for another reason. */
export function isAllowed(path: string, to: 'read' | 'write'): boolean {
  try {
    fs.accessSync(path, to === 'read' ? fs.constants.R_OK : fs.constants.W_OK)
    return true
  } catch (error) {
    return !['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? '')
  }
}

/** Whether the file is not there. */
export function isGone(path: string): boolean {
  try {
    fs.lstatSync(path)
    return false
  } catch (error) {
    return errnoOf(error) === 'ENOENT'
  }
}

const WHOLE_READ_BYTES = 1024 * 1024

/** What the system says where a file cannot be read to its end; undefined where it can. Reads it whole, before it returns. */
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
