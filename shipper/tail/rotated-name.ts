// What the name of a file tells about its rotation.

import { basename } from 'node:path'

/** Whether the name says that the file is compressed. */
export const isPacked = (path: string) => path.endsWith('.gz') || path.endsWith('.zst')

/** Whether `path` begins with the stem of `of`: siblings of `app.log` are `app.log.1`, `app.log-20261123.gz`, `app-20261123.log`. */
export function isSibling(path: string, of: string): boolean {
  return basename(path).startsWith(stemOf(basename(of)))
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
  if (!name.startsWith(stem) || name === base) return false
  return name.slice(stem.length).replace(/[.-]\d[-\d.T_]*(?=\.|$)/, '') === base.slice(stem.length)
}

/** The name up to its first dot (after the first character), with which the names of all its rotated generations begin. */
export function stemOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? name : name.slice(0, dot)
}
