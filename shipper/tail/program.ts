// The program that lines without a header get: the name of their file.

import { basename } from 'node:path'
import type { FollowedFile } from './followed-file.ts'
import { nameBytes } from './pattern.ts'
import { isRotated, stemOf } from './rotated-name.ts'

/** The path that names the program: of a rotated file that before its rotation, since its new name may have a date in front of the dot. */
export function namedPath({ path, rotatedFrom, leaving }: FollowedFile): string {
  return rotatedFrom !== undefined && (leaving || isRotated(path, rotatedFrom)) ? rotatedFrom : path
}

/** `/var/log/app.log.1` → `app`. Spaces, brackets and colons, which end the program's name in a header, are replaced. */
export function programOf(path: string): Buffer {
  // Not `\s`: in a name text, the byte 0xA0 of a UTF-8 character looks like a space.
  return nameBytes(stemOf(basename(path)).replaceAll(/[\t-\r [\]:]/g, '_'))
}

/** The program of the lines of all these files, as far as the patterns tell. */
export function programOfAll(paths: readonly string[]): string | undefined {
  const [name, ...others] = new Set(paths.map((path) => stemOf(basename(path))))
  return others.length > 0 || /[*?[\]{}()\\]/.test(name) ? undefined : programOf(name).toString()
}
