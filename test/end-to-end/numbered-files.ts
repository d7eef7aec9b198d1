// Files with numbered lines that are written to and rotated at random: `web.log 3 1234 xxxxx` is line 1234 of web.log, written after
// three rotations. The numbers show which lines were lost, duplicated or reordered.

import { appendFileSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { pick, scaled, type Fraction } from './chance.ts'

const NAMES = ['web.log', 'mail.log', 'cron.log']
const LINES_MAX = 1_000
/** Minimum number of writes to a file before it is rotated. */
const WRITES_MIN = 10
const RANGES_MAX = 20

interface Life {
  readonly name: string
  readonly path: string
  readonly life: number
}

export class NumberedFiles {
  /** Number of lines written to each file, by name. */
  readonly written = new Map(NAMES.map((name) => [name, 0]))
  readonly #folder: string
  readonly #fraction: Fraction
  readonly #lives: Map<string, Life>
  /** Number of writes to each file since its last rotation. */
  readonly #writes = new Map(NAMES.map((name) => [name, 0]))
  /** A rotated file whose writer has not noticed the rotation, and writes to it once more. */
  #late: Life | undefined

  constructor(folder: string, fraction: Fraction) {
    this.#folder = folder
    this.#fraction = fraction
    this.#lives = new Map(NAMES.map((name) => [name, { name, path: join(folder, name), life: 0 }]))
  }

  /** Number of lines written to all files. */
  get lines(): number {
    return [...this.written.values()].reduce((sum, each) => sum + each, 0)
  }

  /** Writes the first lines of each file. */
  begin(): void {
    for (const { name, path, life } of this.#lives.values()) appendFileSync(path, this.#numbered(name, life, 10))
  }

  /** Writes some more lines to one of the files, now and then in two pieces, cut at any byte. */
  write(): void {
    const fraction = this.#fraction
    const late = fraction() < 0.3 ? this.#late : undefined
    if (late) this.#late = undefined
    const { name, path, life } = late ?? this.#lives.get(pick(fraction, NAMES))!
    const text = this.#numbered(name, life, Math.floor(scaled(fraction, 1, LINES_MAX)))
    const cut = fraction() < 0.2 ? Math.floor(fraction() * text.length) : 0
    if (cut > 0) appendFileSync(path, text.slice(0, cut))
    appendFileSync(path, text.slice(cut))
    if (!late) this.#writes.set(name, this.#writes.get(name)! + 1)
  }

  #numbered(name: string, life: number, count: number): string {
    const first = this.written.get(name)!
    this.written.set(name, first + count)
    return Array.from({ length: count }, (_, i) => `${name} ${life} ${first + i} ${'x'.repeat((i * 7) % 150)}\n`).join(
      '',
    )
  }

  /** Rotates one of the files and its earlier generations, as logrotate does, if enough was written to it. */
  rotate(): void {
    const { name, path, life } = this.#lives.get(pick(this.#fraction, NAMES))!
    if (this.#writes.get(name)! < WRITES_MIN || this.#late) return
    this.#writes.set(name, 0)
    const rotated = readdirSync(this.#folder).filter((each) => each.startsWith(`${name}.`)).length
    for (let i = rotated; i > 0; i -= 1) renameSync(`${path}.${i}`, `${path}.${i + 1}`)
    renameSync(path, `${path}.1`)
    this.#lives.set(name, { name, path, life: life + 1 })
    if (this.#fraction() < 0.5) this.#late = { name, path: `${path}.1`, life }
  }
}

/** Describes lines that are lost, doubled, wrong, or out of order within one generation of a file, in ranges; at most `RANGES_MAX`. */
export function faultsOf(lines: readonly string[], written: ReadonlyMap<string, number>): string[] {
  const faults: Fault[] = []
  const seen = new Map([...written].map(([name, count]) => [name, new Uint8Array(count)]))
  const last = new Map<string, number>()
  for (const line of lines) {
    const [name, life, number] = line.split(' ', 3)
    const inLife = `${name} ${life}`
    const counts = seen.get(name)
    const n = Number(number)
    if (!counts || !(n < counts.length)) {
      faults.push({ what: `wrong: ${line}`, n: 0 })
      continue
    }
    counts[n] += 1
    if (counts[n] > 1) faults.push({ what: `doubled: ${inLife}`, n })
    else if (n < (last.get(inLife) ?? 0)) faults.push({ what: `out of order: ${inLife}`, n })
    last.set(inLife, n)
  }
  for (const [name, counts] of seen) {
    for (const [n, times] of counts.entries()) if (times === 0) faults.push({ what: `lost: ${name}`, n })
  }
  return inRanges(faults)
}

interface Fault {
  readonly what: string
  readonly n: number
}

function inRanges(faults: readonly Fault[]): string[] {
  const ranges: { what: string; from: number; to: number }[] = []
  for (const { what, n } of faults) {
    const range = ranges.at(-1)
    if (range?.what === what && range.to + 1 === n) range.to = n
    else ranges.push({ what, from: n, to: n })
  }
  const shown = ranges.slice(0, RANGES_MAX).map(({ what, from, to }) => `${what} ${from}–${to}`)
  return ranges.length > RANGES_MAX ? [...shown, `and ${ranges.length - RANGES_MAX} more`] : shown
}
