// What a search selects: an expression over fields, times and texts, and a pattern over match lines. The cheapest tests come
// first: blocks are ruled out by their summaries, then rows by their fields, and the remaining rows are matched by line.

import type { Expression } from '../../common/expression/ast.ts'
import { conditionsOf, selectsNothing, type Conditions } from '../../common/expression/conditions.ts'
import { compilePredicate, type Predicate } from '../../common/expression/predicate.ts'
import type { Rows } from '../../common/expression/rows.ts'
import type { ValueTest } from '../../common/expression/value-test.ts'
import type { ByteRegex } from '../../common/expression/regex/byte-regex.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { HeaderTable } from '../../common/pipeline/header-table.ts'
import { LineMatcher } from './line-matcher.ts'
import type { SearchStats, SkipReason } from './search-stats.ts'
import * as column from './stored-block.ts'
import type { OpenBlock, StoredBlock } from './stored-block.ts'

export interface Query {
  /** References to named filters are resolved. */
  readonly where: Expression
  /** Absent if every line matches. */
  readonly pattern?: ByteRegex | undefined
  /** Select the lines that do not match the pattern (`-v`). */
  readonly invert?: boolean
}

export class Selection {
  readonly query: Query
  readonly since: number
  readonly until: number
  readonly #conditions: Conditions
  readonly #predicate: Predicate
  readonly #columns: number
  readonly #matcher: LineMatcher | undefined
  readonly #stats: SearchStats
  readonly #byPriority: boolean
  readonly #byTimeOnly: boolean

  /** `now` in µs since the epoch. Throws PATTERN_SYNTAX. */
  constructor(query: Query, now: number, zone: Zone, stats: SearchStats) {
    this.query = query
    this.#stats = stats
    this.#conditions = conditionsOf(query.where, now, zone)
    this.since = this.#conditions.since
    this.until = this.#conditions.until
    this.#predicate = compilePredicate(query.where, { zone })
    this.#columns = columnsOf(query.where)
    this.#byPriority = this.#conditions.priorities.includes(0)
    this.#byTimeOnly = isTimeOnly(query.where) && !query.pattern && !query.invert
    if (query.pattern) this.#matcher = new LineMatcher(query.pattern, query.invert ?? false)
  }

  /** Whether it is certain that no message can be selected. */
  get isEmpty(): boolean {
    return selectsNothing(this.#conditions) || (this.query.invert === true && !this.query.pattern)
  }

  /** Whether every message of the block is selected, as far as that is known without reading it. */
  takesAll(block: StoredBlock): boolean {
    return this.#byTimeOnly && block.timeMin >= this.since && block.timeMax <= this.until
  }

  /** Whether the times of the block overlap the time bounds of the search. */
  isTimely(block: StoredBlock): boolean {
    return block.timeMax >= this.since && block.timeMin <= this.until
  }

  /** Why no message of a timely block can be selected; undefined if one may be. Reads the block's summary and index only. */
  rulesOut(block: StoredBlock): SkipReason | undefined {
    const { priorities, values, texts } = this.#conditions
    if (this.#byPriority && !priorities.some((bit, priority) => bit !== 0 && block.hasPriority(priority))) {
      return 'priority'
    }
    if (values.host.length > 0 && !someValue(block.hosts, values.host)) return 'host'
    if (values.program.length > 0 && !someValue(block.programs, values.program)) return 'program'
    for (const clause of texts) {
      if (!clause.some(({ text, ignoreCase }) => block.mayHold(Buffer.from(text), ignoreCase))) return 'text'
    }
    const { pattern, invert } = this.query
    if (pattern && !invert && !mayMatchLine(block, pattern)) return 'text'
    return undefined
  }

  /** Returns a new array with a 1 for each selected row. */
  select(block: OpenBlock, now: number): Uint8Array {
    const open = new Uint8Array(block.count).fill(1)
    if (this.#predicate.always !== true) this.#predicate.narrow(new RowsAt(block.rows(this.#columns), now), open)
    if (this.#matcher && open.includes(1)) this.#matcher.narrow(block, open)
    this.#stats.messages += block.count
    return open
  }
}

/** The same rows with the time that relative times such as `2h` count from. */
class RowsAt implements Rows {
  readonly count: number
  readonly bytes: Buffer
  readonly table: HeaderTable
  readonly runs: Rows['runs']
  readonly received: number
  readonly now: number
  readonly #rows: Rows

  constructor(rows: Rows, now: number) {
    this.#rows = rows
    this.count = rows.count
    this.bytes = rows.bytes
    this.table = rows.table
    this.runs = rows.runs
    this.received = rows.received
    this.now = now
  }

  writePriorities(into: Uint8Array): void {
    this.#rows.writePriorities(into)
  }
}

function someValue(known: readonly Buffer[] | undefined, tests: readonly ValueTest[]): boolean {
  if (!known) return true
  return known.some((value) => tests.every((each) => each.test(value, 0, value.length)))
}

/** Whether the block may contain all literals of at least one alternative of the pattern. */
function mayMatchLine(block: StoredBlock, { literals, ignoreCase }: ByteRegex): boolean {
  return literals.some((way) => way.every((literal) => block.mayHold(Buffer.from(literal), ignoreCase)))
}

const columnOfField: Record<string, number> = {
  facility: column.PRIORITIES,
  severity: column.PRIORITIES,
  host: column.HOSTS,
  program: column.PROGRAMS,
  pid: column.PIDS,
  message: column.MESSAGES,
}

/** The columns that an expression reads, as a bit set. */
function columnsOf(expression: Expression): number {
  switch (expression.kind) {
    case 'all':
      return 0
    case 'and':
    case 'or':
      return expression.parts.reduce((columns, part) => columns | columnsOf(part), 0)
    case 'not':
      return columnsOf(expression.part)
    case 'filter':
      return expression.target ? columnsOf(expression.target) : column.ALL_COLUMNS
    case 'selector':
      return column.PRIORITIES
    case 'text':
    case 'regex':
      return column.MESSAGES
    case 'since':
    case 'until':
      return column.TIMES
    case 'field':
      return (typeof expression.field === 'string' ? columnOfField[expression.field] : undefined) ?? column.OTHERS
  }
}

function isTimeOnly(expression: Expression): boolean {
  if (expression.kind === 'and') return expression.parts.every(isTimeOnly)
  return expression.kind === 'all' || expression.kind === 'since' || expression.kind === 'until'
}
