// The `paths` and `exclude` of a file source: glob patterns over file names, which are bytes. Patterns and names are compared as
// name texts, which have one latin1 character per byte, so that a name that is not UTF-8 matches like any other.

import { resolve } from 'node:path'
import picomatch from 'picomatch'

/** The name text of the bytes of a file name. */
export function nameText(name: Buffer): string {
  return name.toString('latin1')
}

/** The bytes of a name text. */
export function nameBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** A name text as it is shown to people: in UTF-8. */
export function shownName(text: string): string {
  return nameBytes(text).toString()
}

export class PathPatterns {
  /** Folders to search, as name texts; none lies within another. */
  readonly bases: readonly string[]
  /** How many levels below its base a match can lie; `Infinity` for a pattern with `**`. */
  readonly depth: number
  readonly #matches: (path: string) => boolean
  readonly #excludes: (path: string) => boolean
  /** The paths that are names, not patterns. */
  readonly #named: ReadonlySet<string>

  constructor(paths: readonly string[], exclude: readonly string[]) {
    const absolute = paths.map((path) => Buffer.from(resolve(path)).toString('latin1'))
    // Flag `s`: names may have newlines in them, and `**` stands for any name.
    const options = { dot: true, nonegate: true, flags: 's' }
    this.#matches = picomatch(bothReadings(absolute), options)
    // `*.gz` excludes the name in every folder, `/var/log/app/*.gz` only in that one.
    const excluded = exclude.map((pattern) =>
      Buffer.from(pattern.startsWith('/') ? pattern : `**/${pattern}`).toString('latin1'),
    )
    this.#named = new Set(absolute.filter((path) => !GLOB.test(path)).map((path) => unescaped(path)))
    this.#excludes = excluded.length === 0 ? () => false : picomatch(bothReadings(excluded), options)
    const folders = [...new Set(absolute.map((path) => baseOf(path)))]
    this.bases = folders.filter((folder) => !folders.some((other) => other !== folder && isBelow(folder, other)))
    this.depth = Math.max(...absolute.map((path) => depthBelow(path, this.bases)))
  }

  /**
   * A compressed file is not lines to be read, although a pattern such as `app.log*` fits it: it is followed only if it is named itself.
   * If it is a rotated file, its unread rest is looked for in it.
   */
  matches(path: string): boolean {
    if (!this.#matches(path) || this.#excludes(path)) return false
    return !COMPRESSED.test(path) || this.#named.has(path)
  }

  /** Whether this very path is asked for, rather than everything that fits a pattern. */
  names(path: string): boolean {
    return this.#named.has(path) && !this.#excludes(path)
  }
}

/** What `rotated-name.ts` knows to unpack, and what logrotate's `compresscmd` is usually set to otherwise. */
const COMPRESSED = /\.(gz|zst|bz2|xz)$/
const GLOB = /(?<!\\)[*?[{(]/

/** Whether only compressed files fit a pattern, so that it matches nothing. */
export function isForCompressed(pattern: string): boolean {
  return GLOB.test(pattern) && COMPRESSED.test(pattern)
}

/**
 * For picomatch, `(a|b)` without a character such as `@` before it is a choice. For a shell it is text, and folders are called like that
 * (`Program Files (x86)`), so both readings match.
 */
function bothReadings(patterns: readonly string[]): string[] {
  const isPlain = (pattern: string) => !/(?<!\\)[?*+@!]\(/.test(pattern)
  return patterns.flatMap((pattern) =>
    isPlain(pattern) ? [pattern, pattern.replaceAll(/(?<!\\)[()|]/g, '\\$&')] : pattern,
  )
}

/** The folders at the start of a pattern that have no glob characters. */
function baseOf(pattern: string): string {
  const names = pattern.split('/').slice(0, -1)
  const globAt = names.findIndex((name) => GLOB.test(name))
  const fixed = names.slice(0, globAt < 0 ? names.length : globAt).join('/')
  return fixed === '' ? '/' : unescaped(fixed)
}

/** `app\[1\]` → `app[1]`: after a backslash, a character of patterns stands for itself. */
const unescaped = (pattern: string) => pattern.replaceAll(/\\([*?[\](){}!+@|\\])/g, '$1')

const isBelow = (path: string, folder: string) => path.startsWith(folder === '/' ? '/' : `${folder}/`)

function depthBelow(pattern: string, bases: readonly string[]): number {
  if (pattern.includes('**')) return Infinity
  const path = unescaped(pattern)
  const base = bases.find((folder) => isBelow(path, folder)) ?? '/'
  return path.slice(base.length).split('/').length - 1
}
