// What the name of a file tells about its rotation.

import { basename } from 'node:path'

/** Whether the name says that the file is compressed. */
export const isPacked = (path: string) => path.endsWith('.gz') || path.endsWith('.zst')

// svlogd, multilog and s6-log rename `current` to the time (TAI64N, in hexadecimal): `@400000006745a1b21c2f3e4d.s`, with `.u` if
// they had been killed before.
const TIMED = 'current'
const TIMED_PREFIX = '@'
const timed = /^@[0-9a-f]{24}(\.|$)/

/**
 * Whether the name of `path` begins like those of the rotated generations of `of`: siblings of `app.log` are `app.log.1`,
 * `app.log-20261123.gz`, `app-20261123.log`.
 */
export function isSibling(path: string, of: string): boolean {
  return beginningsOf(basename(of)).some((beginning) => basename(path).startsWith(beginning))
}

/** Whether a copy of `of` may have this name: that of a sibling, or of a temporary file such as `.app.log.Xy12z`; in any folder. */
export const isCopyName = (path: string, of: string) => isSibling(path.replace(/\/\.+([^/]*)$/, '/$1'), of)

/** Whether both paths have the same last part. */
export const isSameName = (path: string, other: string) => basename(path) === basename(other)

const packedEnding = /\.(gz|zst)$/
const rotatedEnding = /[.-]\d[-\d.T_]*$/

/** Whether the name is that of a rotated file, such as `app.log.1` or `app.log-20261123.gz`, and not of one being written to. */
export const isRotatedName = (path: string) => isPacked(path) || rotatedEnding.test(basename(path))

/** The path before the rotation: `app.log.1` and `app.log-20261123` become `app.log`; any other path is returned as it is. */
export const unrotated = (path: string) => path.replace(rotatedEnding, '')

/** Whether `path` is a rotated generation of `of`: the same name with a number or a date added, compressed or not. */
export function isRotated(path: string, of: string): boolean {
  const base = basename(of)
  const name = basename(path).replace(packedEnding, '')
  const stem = stemOf(base)
  if (base === TIMED && timed.test(name)) return true
  if (!name.startsWith(stem) || name === base) return false
  return name.slice(stem.length).replace(/[.-]\d[-\d.T_]*(?=\.|$)/, '') === base.slice(stem.length)
}

/** With what the names of all its rotated generations begin: its stem, or a sign for a time. */
export const beginningsOf = (name: string) => (name === TIMED ? [stemOf(name), TIMED_PREFIX] : [stemOf(name)])

/** The name up to its first dot (after the first character). */
export function stemOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? name : name.slice(0, dot)
}
