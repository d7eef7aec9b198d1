// What the names of rotated files tell.

import { basename } from 'node:path'

/** Whether its name says that it is compressed. */
export const isPacked = (path: string) => path.endsWith('.gz') || path.endsWith('.zst')

/** `app.log` → `app.log.1`, `app.log-20261123.gz`, `app-20261123.log`: the same beginning up to the first dot. */
export function isSibling(path: string, of: string): boolean {
  return basename(path).startsWith(stemOf(basename(of)))
}

const packedEnding = /\.(gz|zst)$/
const rotatedEnding = /[.-]\d[-\d.T_]*$/

/** `app.log.1`, `app.log-20261123.gz`: the name of a file that was rotated, not of one that is written to. */
export const isRotatedName = (path: string) => isPacked(path) || rotatedEnding.test(basename(path))

/** `app.log.1`, `app.log-20261123` → `app.log`; any other path as it is. */
export const unrotated = (path: string) => path.replace(rotatedEnding, '')

/** Narrower than `isSibling`: the same name but for a number or a date, and packed or not. */
export function isRotated(path: string, of: string): boolean {
  const base = basename(of)
  const name = basename(path).replace(packedEnding, '')
  const stem = stemOf(base)
  if (!name.startsWith(stem) || name === base) return false
  return name.slice(stem.length).replace(/[.-]\d[-\d.T_]*(?=\.|$)/, '') === base.slice(stem.length)
}

/** What the names of all that is made of a file begin with. */
export function stemOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? name : name.slice(0, dot)
}
