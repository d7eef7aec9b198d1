// Formats messages for output. `short` and `cat` show text that the pattern was matched against, so matches are coloured in
// them. `json` and `raw` are for programs and are never coloured.
//
// To a pipe or a file, bytes are written unchanged. On a terminal, control bytes are escaped (`shown-bytes.ts`).

import type { ByteRegex } from '../../common/expression/regex/byte-regex.ts'
import type { Rows } from '../../common/expression/rows.ts'
import { jsonOf, objectOf } from '../../common/message/message-object.ts'
import { Output } from '../../common/message/output.ts'
import { BsdTimeWriter } from '../../common/message/time-text.ts'
import type { Zone } from '../../common/message/zone.ts'
import * as cells from '../../common/pipeline/header-table.ts'
import { LineBuffer } from './line-buffer.ts'
import { hostStyle, MATCH_STYLE, MATCH_STYLE_ON_RED, PLAIN, SEPARATOR_STYLE, severityStyles } from './palette.ts'
import { addShown, shownJson } from './shown-bytes.ts'
import { ALL_COLUMNS, PRIORITIES, TIMES, type OpenBlock } from './stored-block.ts'

export const printFormats = ['short', 'json', 'raw', 'cat'] as const
export type PrintFormat = (typeof printFormats)[number]

export interface WriterOptions {
  readonly format: PrintFormat
  /** Print only the matching parts of a line, each on a line of its own (`-o`). */
  readonly partsOnly: boolean
  /** The pattern whose matches are coloured, or printed with `partsOnly`. */
  readonly pattern?: ByteRegex | undefined
  readonly color: boolean
  /** Escape control bytes. */
  readonly escape: boolean
  readonly zone: Zone
}

const LF = 0x0a

export class EntryWriter {
  readonly output = new Output()
  readonly #options: WriterOptions
  readonly #line = new LineBuffer()
  readonly #time = new BsdTimeWriter()

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Appends a message to `output`; `isMatch` is false for a neighbour of a match. */
  write(block: OpenBlock, row: number, isMatch: boolean): void {
    const { format, partsOnly, escape } = this.#options
    if (partsOnly) {
      if (isMatch) this.#parts(block, row)
      return
    }
    if (format === 'json') {
      const json = storedJson(block, row)
      this.output.text(escape ? shownJson(json) : json)
    } else if (format === 'raw') this.#raw(block.raw(row))
    else this.#text(block, row, isMatch)
    this.output.byte(LF)
  }

  /** Appends the separator between two groups of neighbours. */
  separator(): void {
    if (this.#options.format === 'json') return
    this.output.text(this.#options.color ? `${SEPARATOR_STYLE}--${PLAIN}\n` : '--\n')
  }

  #parts(block: OpenBlock, row: number): void {
    const { pattern, color } = this.#options
    if (!pattern) return
    const line = this.#compose(block, row)
    const count = pattern.findAll(line.bytes, 0, line.length)
    for (let i = 0; i < count; i += 1) {
      if (color) this.output.text(MATCH_STYLE)
      this.#part(line, pattern.matches[2 * i], pattern.matches[2 * i + 1])
      if (color) this.output.text(PLAIN)
      this.output.byte(LF)
    }
  }

  #text(block: OpenBlock, row: number, isMatch: boolean): void {
    const { format, color, pattern, zone } = this.#options
    const { table } = block.rows(TIMES | (color ? PRIORITIES : 0))
    const line = this.#compose(block, row)
    const start = format === 'cat' ? line.messageStart : 0
    const { output } = this
    const style = color ? severityStyles[table.cells[row * cells.ROW + cells.PRIORITY] & 7] : ''
    if (style !== '') output.text(style)
    if (format === 'short') {
      const time = table.times[row]
      this.#time.write(time, zone.offsetAt(time), output)
      output.byte(0x20)
    }
    const matches = color && isMatch && pattern ? pattern.findAll(line.bytes, 0, line.length) : 0
    // The host gets its colour unless a match begins in it: the colour of a match takes precedence.
    const hostPlain = matches === 0 || pattern!.matches[0] >= line.hostEnd
    let at = start
    if (color && start === 0 && hostPlain) {
      output.text(hostStyle(line.bytes.subarray(0, line.hostEnd)))
      this.#part(line, 0, line.hostEnd)
      output.text(PLAIN + style)
      at = line.hostEnd
    }
    const matchStyle = style.includes('31m') ? MATCH_STYLE_ON_RED : MATCH_STYLE
    for (let i = 0; i < matches; i += 1) {
      const to = pattern!.matches[2 * i + 1]
      const from = Math.max(at, pattern!.matches[2 * i])
      if (to <= from) continue
      this.#part(line, at, from)
      output.text(matchStyle)
      this.#part(line, from, to)
      output.text(PLAIN + style)
      at = to
    }
    this.#part(line, at, line.length)
    if (style !== '') output.text(PLAIN)
  }

  #compose({ lines }: OpenBlock, row: number): LineBuffer {
    this.#line.clear()
    this.#line.add(lines, row)
    return this.#line
  }

  /** Appends `[start, end)` of the line, escaped if that is asked for. */
  #part(line: LineBuffer, start: number, end: number): void {
    if (this.#options.escape) addShown(this.output, line.bytes.subarray(0, end), start)
    else this.output.raw(line, start, end)
  }

  #raw(message: Buffer): void {
    if (this.#options.escape) addShown(this.output, message, 0)
    else this.output.fixed(message)
  }
}

/** A stored message in the `json` line format. */
function storedJson(block: OpenBlock, row: number): string {
  const { bytes, table, runs } = block.rows(ALL_COLUMNS)
  const cell = row * cells.ROW
  const text = (column: number) => bytes.toString('utf8', table.cells[cell + column], table.cells[cell + column + 1])
  const message = objectOf({
    ...{ bytes, cells: table.cells, row, time: block.ownTime(row) },
    ...{ host: text(cells.HOST), program: text(cells.PROGRAM), whole: block.raw(row) },
  })
  return jsonOf(message, { ...originOf(runs, row), received: block.received(row) })
}

function originOf(runs: Rows['runs'], row: number): Rows['runs'][number]['origin'] {
  let before = 0
  for (const { count, origin } of runs) {
    before += count
    if (row < before) return origin
  }
  return runs.at(-1)!.origin
}
