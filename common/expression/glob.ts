// Globs over bytes: `*` matches any number of bytes, `?` one UTF-8 character, and `\` escapes the next character. A glob matches a
// whole value.

import { foldAscii, unfolded } from './fold.ts'

/** Whether an unquoted value contains unescaped wildcards. */
export function isGlob(text: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*[*?]/.test(text)
}

/** Removes the escapes of a value without wildcards. */
export function unescapeGlob(text: string): string {
  return text.replaceAll(/\\([*?\\])/g, '$1')
}

const ANY = -1
const ONE = -2

/** The glob as a sequence of bytes (0 to 255), `ANY` (`*`) and `ONE` (`?`). */
function compileSteps(pattern: string, ignoreCase: boolean): Int16Array {
  const bytes = Buffer.from(pattern)
  const fold = ignoreCase ? foldAscii : unfolded
  const steps: number[] = []
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]
    if (byte === 0x2a) {
      if (steps.at(-1) !== ANY) steps.push(ANY)
    } else if (byte === 0x3f) {
      steps.push(ONE)
    } else {
      // A backslash before any other character is a literal backslash.
      const next = bytes[i + 1]
      if (byte === 0x5c && (next === 0x2a || next === 0x3f || next === 0x5c)) i += 1
      steps.push(fold[bytes[i]])
    }
  }
  return Int16Array.from(steps)
}

/** The texts between the wildcards. Everything that the glob matches contains all of them. */
export function literalRuns(pattern: string): string[] {
  const pieces = pattern.match(/\\[*?\\]|[*?]|[^*?\\]+|\\/g) ?? []
  const runs = ['']
  for (const piece of pieces) {
    if (piece === '*' || piece === '?') runs.push('')
    else runs[runs.length - 1] += unescapeGlob(piece)
  }
  return runs.filter((run) => run !== '')
}

/** A compiled glob. `ignoreCase` affects ASCII letters only. */
export class Glob {
  readonly #steps: Int16Array
  readonly #fold: Uint8Array
  /** Whether it is `text*`, as most globs are. */
  readonly #isPrefix: boolean

  constructor(pattern: string, ignoreCase: boolean) {
    this.#steps = compileSteps(pattern, ignoreCase)
    this.#fold = ignoreCase ? foldAscii : unfolded
    const last = this.#steps.length - 1
    this.#isPrefix = this.#steps[last] === ANY && this.#steps.subarray(0, last).every((step) => step >= 0)
  }

  /** Whether the glob matches `[start, end)`. Takes time in proportion to length × length of the glob at most. */
  test(bytes: Uint8Array, start: number, end: number): boolean {
    const steps = this.#steps
    const fold = this.#fold
    if (this.#isPrefix) return this.#begins(bytes, start, end)
    let step = 0
    let at = start
    // Where to continue when the last `*` has to match one more character.
    let retryStep = -1
    let retryAt = 0
    while (at < end || step < steps.length) {
      const wanted = step < steps.length ? steps[step] : ANY - 2
      if (wanted === ANY) {
        retryStep = step
        retryAt = at
        step += 1
        continue
      }
      if (at < end) {
        if (wanted === ONE) {
          at = afterCharacter(bytes, at, end)
          step += 1
          continue
        }
        if (wanted === fold[bytes[at]]) {
          at += 1
          step += 1
          continue
        }
      }
      if (retryStep < 0 || retryAt >= end) return false
      retryAt = afterCharacter(bytes, retryAt, end)
      step = retryStep + 1
      at = retryAt
    }
    return true
  }

  #begins(bytes: Uint8Array, start: number, end: number): boolean {
    const steps = this.#steps
    const fold = this.#fold
    const last = steps.length - 1
    if (end - start < last) return false
    for (let i = 0; i < last; i += 1) if (fold[bytes[start + i]] !== steps[i]) return false
    return true
  }
}

/** A glob that tests strings. */
export function globTest(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  const glob = new Glob(pattern, ignoreCase)
  return (text) => {
    const bytes = Buffer.from(text)
    return glob.test(bytes, 0, bytes.length)
  }
}

function afterCharacter(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1
  if (bytes[at] >= 0xc0) while (next < end && (bytes[next] & 0xc0) === 0x80) next += 1
  return next
}
