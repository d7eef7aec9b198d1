// Formats messages for output. `short` and `cat` show text that the pattern was matched against, so matches are coloured in
// them. `json` and `raw` are for programs and are never coloured.
//
// To a pipe or a file, bytes are written unchanged. On a terminal, control bytes are escaped (`shown-bytes.ts`).

import { isUtf8 } from 'node:buffer'
import type { ByteRegex } from '../../common/expression/regex/byte-regex.ts'
import type { Rows } from '../../common/expression/rows.ts'
import { defectsOf } from '../../common/message/defects.ts'
import { Output } from '../../common/message/output.ts'
import { facilityNames, severityNames } from '../../common/message/priority.ts'
import { parseStructuredData } from '../../common/message/structured-data.ts'
import { BsdTimeWriter, utcText } from '../../common/message/time-text.ts'
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
      const json = JSON.stringify(storedObject(block, row))
      this.output.text(escape ? shownJson(json) : json)
    } else if (format === 'raw') this.#bytes(block.raw(row), 0)
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
      this.#bytes(line.bytes.subarray(0, pattern.matches[2 * i + 1]), pattern.matches[2 * i])
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
    output.text(style)
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
      this.#bytes(line.bytes.subarray(0, line.hostEnd), 0)
      output.text(PLAIN + style)
      at = line.hostEnd
    }
    const matchStyle = style.includes('31m') ? MATCH_STYLE_ON_RED : MATCH_STYLE
    for (let i = 0; i < matches; i += 1) {
      const to = pattern!.matches[2 * i + 1]
      const from = Math.max(at, pattern!.matches[2 * i])
      if (to <= from) continue
      this.#bytes(line.bytes.subarray(0, from), at)
      output.text(matchStyle)
      this.#bytes(line.bytes.subarray(0, to), from)
      output.text(PLAIN + style)
      at = to
    }
    this.#bytes(line.bytes.subarray(0, line.length), at)
    if (style !== '') output.text(PLAIN)
  }

  #compose({ lines }: OpenBlock, row: number): LineBuffer {
    this.#line.clear()
    this.#line.add(lines, row)
    return this.#line
  }

  /** Appends the bytes of `text` from `start` on, escaped if that is asked for. */
  #bytes(text: Buffer, start: number): void {
    if (this.#options.escape) addShown(this.output, text, start)
    else this.output.fixed(text.subarray(start))
  }
}

const formatNames = ['raw', 'rfc3164', 'rfc5424'] as const

/** A stored message with the keys of the `json` line format; absent fields are left out. */
function storedObject(block: OpenBlock, row: number): object {
  const { bytes, table, runs } = block.rows(ALL_COLUMNS)
  const cell = row * cells.ROW
  const text = (column: number) => bytes.toString('utf8', table.cells[cell + column], table.cells[cell + column + 1])
  const present = (column: number) => table.cells[cell + column + 1] > table.cells[cell + column]
  const field = (name: string, column: number) => (present(column) ? { [name]: text(column) } : {})
  const kind = table.cells[cell + cells.KIND]
  const priority = table.cells[cell + cells.PRIORITY]
  const time = block.ownTime(row)
  const { peer, source } = originOf(runs, row)
  const raw = block.raw(row)
  return {
    facility: facilityNames[priority >> 3],
    severity: severityNames[priority & 7],
    ...(Number.isNaN(time) ? {} : { time: utcText(time) }),
    ...field('host', cells.HOST),
    ...field('program', cells.PROGRAM),
    ...field('pid', cells.PID),
    ...field('msgid', cells.MSGID),
    ...(present(cells.STRUCTURED_DATA) ? { sd: parseStructuredData(text(cells.STRUCTURED_DATA)) } : {}),
    message: text(cells.MESSAGE),
    format: formatNames[kind & cells.FORMAT_MASK],
    defects: defectsOf(kind >>> cells.DEFECTS_SHIFT),
    ...(isUtf8(raw) ? {} : { raw: raw.toString('base64') }),
    received: utcText(block.received(row)),
    ...(peer === undefined ? {} : { from: peer }),
    source,
  }
}

function originOf(runs: Rows['runs'], row: number): Rows['runs'][number]['origin'] {
  let before = 0
  for (const { count, origin } of runs) {
    before += count
    if (row < before) return origin
  }
  return runs.at(-1)!.origin
}
