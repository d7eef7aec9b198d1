// The `paths` of a file source: glob patterns over names that are bytes. Patterns and names are compared as latin1, one
// character a byte, so that a name that is not UTF-8 matches like any other.

import { resolve } from 'node:path'
import picomatch from 'picomatch'

/** Bytes of a name as the characters that patterns are compared with. */
export function nameText(name: Buffer): string {
  return name.toString('latin1')
}

/** The bytes of such a text. */
export function nameBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

export class PathPatterns {
  /** Folders to look in, as name texts; no one lies within another. */
  readonly bases: readonly string[]
  /** How many levels below its base a match can lie; `Infinity` with `**`. */
  readonly depth: number
  readonly #matches: (path: string) => boolean
  readonly #excludes: (path: string) => boolean

  constructor(paths: readonly string[], exclude: readonly string[]) {
    const absolute = paths.map((path) => Buffer.from(resolve(path)).toString('latin1'))
    const options = { dot: true, nonegate: true }
    this.#matches = picomatch(absolute, options)
    // `*.gz` means every such name, `/var/log/app/*.gz` that path.
    const excluded = exclude.map((pattern) =>
      Buffer.from(pattern.startsWith('/') ? pattern : `**/${pattern}`).toString('latin1'),
    )
    this.#excludes = excluded.length === 0 ? () => false : picomatch(excluded, options)
    const folders = [...new Set(absolute.map((path) => baseOf(path)))]
    this.bases = folders.filter((folder) => !folders.some((other) => other !== folder && isBelow(folder, other)))
    this.depth = Math.max(...absolute.map((path) => depthBelow(path, this.bases)))
  }

  matches(path: string): boolean {
    return this.#matches(path) && !this.#excludes(path)
  }
}

/** The part of a path without glob characters, up to its last whole folder. */
function baseOf(pattern: string): string {
  const scanned = picomatch.scan(pattern)
  const fixed = scanned.isGlob ? scanned.base : pattern.slice(0, pattern.lastIndexOf('/'))
  return fixed === '' ? '/' : fixed
}

const isBelow = (path: string, folder: string) => path.startsWith(folder === '/' ? '/' : `${folder}/`)

function depthBelow(pattern: string, bases: readonly string[]): number {
  if (pattern.includes('**')) return Infinity
  const base = bases.find((folder) => isBelow(pattern, folder)) ?? '/'
  return pattern.slice(base.length).split('/').length - 1
}
