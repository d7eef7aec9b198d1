// The program whose log is followed: it writes lines at random times, now and then half of one, and its file is rotated.

import type { Dice } from './dice.ts'
import type { Machine, Tell } from './machine.ts'
import type { Timeline } from './timeline.ts'

const PATH = '/logs/app.log'
/** The client's checkpoint file. */
const KNOWN = '/data/sources/apps/positions'
// A copytruncate is only done this long after the last rotation: a generation that is written, copied and truncated between two looks
// leaves only a copy that cannot be told from others.
const CUTS_APART_MS = 7_000

export class Writer {
  /** Number of lines begun in each generation of the file, oldest first. */
  readonly lines: number[] = [0]
  readonly #machine: Machine
  readonly #timeline: Timeline
  readonly #dice: Dice
  readonly #tell: Tell
  readonly #cutShare: number
  /** The part of the last lines that is not written yet. */
  #rest: Buffer | undefined
  #isOver = false
  #rotatedMs = -Infinity

  /** `cutShare` of the rotations are a copytruncate; if it is not 0, rotations are at least `CUTS_APART_MS` apart. */
  constructor(machine: Machine, timeline: Timeline, dice: Dice, tell: Tell, cutShare: number) {
    this.#cutShare = cutShare
    this.#machine = machine
    this.#timeline = timeline
    this.#dice = dice
    this.#tell = tell
  }

  start(): void {
    const next = () => {
      if (this.#isOver) return
      this.write()
      // Bursts, and pauses that are long enough for everything to settle.
      this.#timeline.after(this.#dice.chance(0.8) ? this.#dice.between(0, 200) : this.#dice.between(0, 4_000), next)
    }
    next()
  }

  write(): void {
    const pieces: Buffer[] = []
    if (this.#rest) pieces.push(this.#rest)
    this.#rest = undefined
    const file = this.lines.length - 1
    const count = this.#dice.chance(0.1) ? this.#dice.below(60) : this.#dice.below(6)
    for (let i = 0; i < count; i += 1) {
      const padding = this.#dice.chance(0.05) ? this.#dice.below(3_000) : this.#dice.below(120)
      // Lines end differently, as real ones do: a truncated file that has grown again at once is known by the bytes before the position.
      const id = `${file}.${this.lines[file]} `
      pieces.push(Buffer.from(`${id.padEnd(id.length + padding, id)}\n`))
      this.lines[file] += 1
    }
    const bytes = Buffer.concat(pieces)
    if (bytes.length === 0) return
    const cut = this.#dice.chance(0.2) ? 1 + this.#dice.below(bytes.length) : bytes.length
    if (cut < bytes.length) this.#rest = Buffer.from(bytes.subarray(cut))
    this.#plant(bytes.subarray(0, cut))
  }

  /** Rotates the log as logrotate does: renames the file, so that the next lines go to a new one, or copies and truncates it. */
  rotate(): void {
    // A file that was rotated before the client's first look could not be known to belong to this name.
    if (!this.#machine.disk.files.has(PATH) || !this.#machine.disk.files.has(KNOWN)) return
    if (this.#cutShare > 0 && this.#timeline.ms - this.#rotatedMs < CUTS_APART_MS) return
    this.#rotatedMs = this.#timeline.ms
    this.#flush()
    const { disk } = this.#machine
    const isSeen = disk.files.get(KNOWN)!.now.includes(`"inode":"${disk.files.get(PATH)!.number}"`)
    const isCut = this.#cutShare > 0 && isSeen && this.#dice.chance(this.#cutShare)
    for (let n = this.lines.length; n > (isCut ? 1 : 0); n -= 1) {
      const from = n === 1 ? PATH : `${PATH}.${n - 1}`
      if (disk.files.has(from)) disk.move(from, `${PATH}.${n}`)
    }
    if (isCut) disk.copyAndCut(PATH, `${PATH}.1`)
    const what = isCut ? 'copied and cut' : 'rotated'
    this.#tell(`log is ${what} after ${this.lines.at(-1)} lines of file ${this.lines.length - 1}`)
    this.lines.push(0)
    this.#hint(isCut)
    if (isCut) return
    // A generation that the client has not seen is found only when a new file appears in its place, so there has to be one.
    while (!isSeen && !disk.files.has(PATH)) this.write()
  }

  /** Stops writing, after the rest of the last line. */
  end(): void {
    this.#isOver = true
    this.#flush()
  }

  get total(): number {
    return this.lines.reduce((sum, count) => sum + count, 0)
  }

  #flush(): void {
    if (this.#rest) this.#plant(this.#rest)
    this.#rest = undefined
  }

  #plant(bytes: Buffer): void {
    this.#machine.disk.plant(PATH, bytes)
    this.#hint()
  }

  #hint(isWrite = true): void {
    const { life } = this.#machine
    // Some hints are lost: the client must not depend on them.
    if (this.#dice.chance(0.7)) life?.after(0, () => life.hint?.(PATH, isWrite))
  }
}

/** The id of a line: `generation.line`, without the padding. */
export function idOf(line: string): string {
  return line.slice(0, line.indexOf(' '))
}
