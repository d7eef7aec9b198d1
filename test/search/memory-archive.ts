// The blocks of an archive in memory, for tests of searches.

import { NO_PID, PID_IS_TEXT, type Texts } from '../../collector/archive/columns.ts'
import type { LineColumns, OpenBlock, StoredBlock } from '../../collector/search/stored-block.ts'
import type { Rows } from '../../common/expression/rows.ts'
import { utc } from '../../common/message/zone.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import * as cells from '../../common/pipeline/header-table.ts'

export interface Message {
  /** µs since the epoch; absent if the message has no time. */
  readonly time?: number
  readonly received?: number
  readonly host: string
  readonly program?: string
  readonly pid?: string
  readonly priority?: number
  readonly message: string | Buffer
}

const HOUR_US = 3_600_000_000

/** The effective time: receipt stands in for a time that is missing or over an hour ahead. */
export function sortTime({ time = NaN, received = 0 }: Message): number {
  return time <= received + HOUR_US ? time : received
}

/** The match line of a message: `host program[pid]: message`. */
export function lineOf({ host, program, pid, message }: Message): string {
  const tag = program ? `${program}${pid ? `[${pid}]` : ''}: ` : ''
  return `${host} ${tag}${message.toString()}`
}

/** Divides messages into blocks of `size`. */
export function memoryBlocks(messages: readonly Message[], size: number): MemoryBlock[] {
  const blocks: MemoryBlock[] = []
  for (let i = 0; i < messages.length; i += size) blocks.push(new MemoryBlock(messages.slice(i, i + size), i))
  return blocks
}

export class MemoryBlock implements StoredBlock {
  readonly count: number
  readonly order: number
  readonly timeMin: number
  readonly timeMax: number
  readonly hosts: Buffer[]
  readonly programs: Buffer[]
  /** How often the block was opened. */
  opened = 0
  readonly #messages: readonly Message[]

  constructor(messages: readonly Message[], order: number) {
    this.#messages = messages
    this.count = messages.length
    this.order = order
    this.timeMin = Math.min(...messages.map(sortTime))
    this.timeMax = Math.max(...messages.map(sortTime))
    this.hosts = distinct(messages.map(({ host }) => host))
    this.programs = distinct(messages.map(({ program = '' }) => program))
  }

  hasPriority(priority: number): boolean {
    return this.#messages.some((message) => (message.priority ?? 13) === priority)
  }

  mayHold(literal: Buffer, ignoreCase: boolean): boolean {
    const text = literal.toString('latin1')
    return this.#messages.some((message) => {
      const line = Buffer.from(lineOf(message)).toString('latin1')
      return (ignoreCase ? line.toLowerCase() : line).includes(text)
    })
  }

  open(): OpenBlock {
    this.opened += 1
    const rows = rowsOf(this.#messages)
    return {
      count: this.count,
      lines: linesOf(this.#messages),
      rows: () => rows,
      ownTime: (row) => this.#messages[row].time ?? NaN,
      received: (row) => this.#messages[row].received ?? 0,
      raw: (row) => Buffer.from(this.#messages[row].message),
      bytesDecoded: rows.bytes.length,
    }
  }
}

const isNumber = (pid: string) => /^(0|[1-9]\d{0,8})$/.test(pid)

function linesOf(messages: readonly Message[]): LineColumns {
  const ids = (values: readonly string[]) => Uint32Array.from(values, (value) => [...new Set(values)].indexOf(value))
  const hosts = messages.map(({ host }) => host)
  const programs = messages.map(({ program = '' }) => program)
  const pids = messages.map(({ pid = '' }) => pid)
  return {
    messages: textsOf(messages.map(({ message }) => message)),
    pidNumbers: Int32Array.from(pids, (pid) => (pid === '' ? NO_PID : isNumber(pid) ? Number(pid) : PID_IS_TEXT)),
    pidTexts: textsOf(pids.filter((pid) => pid !== '' && !isNumber(pid))),
    pidTextNumbers: Int32Array.from(
      pids,
      (_, row) => pids.slice(0, row).filter((pid) => pid !== '' && !isNumber(pid)).length,
    ),
    hosts: textsOf([...new Set(hosts)]),
    hostIds: ids(hosts),
    programs: textsOf([...new Set(programs)]),
    programIds: ids(programs),
  }
}

function textsOf(texts: readonly (string | Buffer)[]): Texts {
  const parts = texts.map((text) => Buffer.from(text as string))
  const starts = new Uint32Array(parts.length + 1)
  parts.forEach((part, i) => (starts[i + 1] = starts[i] + part.length))
  return { bytes: Buffer.concat(parts), starts }
}

function distinct(names: readonly string[]): Buffer[] {
  return [...new Set(names)].map((name) => Buffer.from(name))
}

function rowsOf(messages: readonly Message[]): Rows {
  const table: cells.HeaderTable = {
    count: messages.length,
    cells: new Int32Array(messages.length * cells.ROW),
    times: Float64Array.from(messages, sortTime),
    zones: new Int16Array(messages.length),
  }
  const parts: Buffer[] = []
  let length = 0
  const put = (row: number, cell: number, text: string | Buffer) => {
    const bytes = Buffer.from(text as string)
    parts.push(bytes)
    table.cells[row * cells.ROW + cell] = length
    length += bytes.length
    table.cells[row * cells.ROW + cell + 1] = length
  }
  messages.forEach((message, row) => {
    table.cells[row * cells.ROW + cells.PRIORITY] = message.priority ?? 13
    table.cells[row * cells.ROW + cells.KIND] = cells.FORMAT_RFC3164
    put(row, cells.HOST, message.host)
    put(row, cells.PROGRAM, message.program ?? '')
    put(row, cells.PID, message.pid ?? '')
    put(row, cells.MESSAGE, message.message)
  })
  const origin: Origin = {
    ...{ source: 'network', peer: '192.0.2.7', lines: 'syslog', zone: utc },
    ...{ host: Buffer.alloc(0), program: Buffer.alloc(0), priority: 13 },
  }
  return {
    count: messages.length,
    bytes: Buffer.concat(parts),
    table,
    runs: [{ count: messages.length, origin }],
    received: Infinity,
    now: 0,
    writePriorities: (into) => messages.forEach(({ priority = 13 }, row) => (into[row] = priority)),
  }
}
