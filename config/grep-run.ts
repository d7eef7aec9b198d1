// Runs `sluice grep`: converts its flags to a search (which archives, what to search for, how to print).

import { isatty } from 'node:tty'
import { systemClock } from '../common/clock.ts'
import type { Expression, Value } from '../common/expression/ast.ts'
import { resolveFilters, type Filters } from '../common/expression/filters.ts'
import { isGlob, unescapeGlob } from '../common/expression/glob.ts'
import { parseExpression } from '../common/expression/parse.ts'
import { ExpressionFault } from '../common/expression/problem.ts'
import { compileRegex } from '../common/expression/regex/byte-regex.ts'
import { parseTime, resolveTime, type TimeSpec } from '../common/expression/time.ts'
import { Fault, reasonOf } from '../common/fault.ts'
import { facilityCode, facilityNames, severityCode, severityNames } from '../common/message/priority.ts'
import { localZone, utc } from '../common/message/zone.ts'
import { terminalOf } from '../common/terminal.ts'
import { printFormats, type PrintFormat } from '../collector/search/entry-writer.ts'
import { Grep, type GrepOptions } from '../collector/search/grep.ts'
import { OpenArchives } from '../collector/search/archive-blocks.ts'
import { CommandOutput } from '../collector/search/terminal.ts'
import { findArchives } from './find-archives.ts'

/** The flags as commander parses them. */
export interface GrepFlags {
  readonly regexp?: string[]
  readonly ignoreCase?: boolean
  readonly invertMatch?: boolean
  readonly wordRegexp?: boolean
  readonly lineRegexp?: boolean
  readonly fixedStrings?: boolean
  readonly extendedRegexp?: boolean
  readonly count?: boolean
  readonly onlyMatching?: boolean
  readonly quiet?: boolean
  readonly listHosts?: boolean
  readonly maxCount?: number
  readonly afterContext?: number
  readonly beforeContext?: number
  readonly context?: { readonly lines?: number; readonly ofAll?: boolean }
  readonly lines?: { readonly count: number; readonly oldest: boolean }
  readonly reverse?: boolean
  readonly since?: string
  readonly until?: string
  readonly priority?: string
  readonly facility?: string[]
  readonly identifier?: string[]
  readonly host?: string[]
  readonly where?: string[]
  readonly output: string
  readonly archive?: string[]
  readonly config?: string
  readonly color: string | boolean
  readonly colour?: string | boolean
  readonly pager: boolean
  readonly utc?: boolean
  readonly stats?: boolean
  readonly follow?: boolean
}

const EXIT_FOUND = 0
const EXIT_NOTHING = 1
const EXIT_ERROR = 2

const STDOUT = 1

/** Number of neighbours for `--context=all` without a number. */
const CONTEXT_DEFAULT = 2

/** Searches and prints; resolves to the exit status. Errors are printed on standard error. `written` is the original command line. */
export async function runGrep(
  operands: readonly string[],
  flags: GrepFlags,
  written: readonly string[],
): Promise<number> {
  try {
    return await search(operands, flags, written)
  } catch (error) {
    process.stderr.write(`sluice grep: ${describe(error)}\n`)
    return EXIT_ERROR
  }
}

async function search(operands: readonly string[], flags: GrepFlags, written: readonly string[]): Promise<number> {
  if (flags.follow) throw new Fault('USAGE', '-f: this version cannot follow yet; a later one will')
  if (flags.fixedStrings && flags.extendedRegexp) {
    throw new Fault('USAGE', '-E and -F contradict each other: a pattern is either an expression or fixed text')
  }
  const { when, words } = colorOf(operands, flags, written)
  const terminal = isatty(STDOUT)
  const { capable, colorful } = terminalOf(terminal, process.env)
  const color = when === 'always' || (when === 'auto' && colorful)
  const patterns = patternsOf(words, flags)
  const needsFilters = flags.where?.some((text) => text.includes('filter:')) ?? false
  const found = await findArchives(flags.archive, flags.config, needsFilters)
  const options = grepOptions(patterns, flags, found.filters, color, terminal)
  if (!flags.fixedStrings && patterns?.some(asksForDigits)) {
    process.stderr.write('sluice grep: warning: \\d matches the letter d, as in grep -E; write [0-9] for a digit\n')
  }
  // Node decodes arguments, so bytes that are not UTF-8 are U+FFFD by now. Without a warning, such a pattern would just find nothing.
  if (patterns?.some((pattern) => pattern.includes('\ufffd'))) {
    process.stderr.write('sluice grep: warning: the pattern is not UTF-8; where such bytes are "." finds them\n')
  }
  const paged = capable && flags.pager && typeof options.print === 'object'
  const startMs = systemClock.monotonicMs()
  const output = paged ? CommandOutput.paged() : CommandOutput.standard()
  const grep = new Grep(options, output, systemClock)
  let archives: OpenArchives | undefined
  let isFound: boolean
  try {
    archives = await OpenArchives.open(found.folders, grep.since)
    isFound = await grep.run(archives.blocks)
  } finally {
    // A pager waits for the end of its input.
    await output.end()
    archives?.close()
  }
  const faults = [...archives.faults.map(({ detail }) => detail), ...grep.faults]
  for (const fault of faults) process.stderr.write(`sluice grep: ${fault}\n`)
  if (flags.stats) process.stderr.write(grep.stats.describe((systemClock.monotonicMs() - startMs) / 1000))
  if (faults.length > 0 && !(flags.quiet && isFound)) return EXIT_ERROR
  return isFound ? EXIT_FOUND : EXIT_NOTHING
}

function describe(error: unknown): string {
  if (error instanceof ExpressionFault) return `-W: ${error.detail}`
  return error instanceof Fault ? error.detail : reasonOf(error)
}

const colorWords = ['auto', 'always', 'never'] as const
const colorAliases: Record<string, (typeof colorWords)[number]> = {
  ...{ yes: 'always', force: 'always', no: 'never', none: 'never', tty: 'auto', 'if-tty': 'auto' },
}

/** As in grep, `--color` takes a value only after a `=`: in `--color PATTERN`, the next word is the pattern. */
function colorOf(
  operands: readonly string[],
  flags: GrepFlags,
  written: readonly string[],
): { when: (typeof colorWords)[number]; words: string[] } {
  const given = flags.colour ?? flags.color
  if (given === true) return { when: 'auto', words: [...operands] }
  const word = String(given)
  const when = colorWords.find((name) => name === word) ?? colorAliases[word]
  if (!when && written.some((argument) => /^--colou?r=/.test(argument) && argument.endsWith(`=${word}`)))
    throw new Fault('USAGE', `--color=${word}: it must be one of ${colorWords.join(', ')}`)
  return when ? { when, words: [...operands] } : { when: 'auto', words: [word, ...operands] }
}

/** Whether a pattern has an unescaped `\d`, meant as a digit as in other dialects. Without a warning, it would just find nothing. */
const asksForDigits = (pattern: string) => /(?<!\\)(?:\\\\)*\\d/.test(pattern)

/** The patterns to search for; undefined to match everything. */
function patternsOf(words: readonly string[], flags: GrepFlags): string[] | undefined {
  const operands = [...words]
  const patterns = flags.regexp ?? (operands.length > 0 ? [operands.shift()!] : undefined)
  if (operands.length > 0) {
    throw new Fault(
      'USAGE',
      `only one pattern can be given: "${operands[0]}" is left over (grep searches the archive, not files)`,
    )
  }
  return patterns
}

function grepOptions(
  patterns: string[] | undefined,
  flags: GrepFlags,
  filters: Filters,
  color: boolean,
  terminal: boolean,
): GrepOptions {
  const pattern =
    patterns &&
    compileRegex(patterns, {
      syntax: flags.fixedStrings ? 'fixed' : 'ere',
      ignoreCase: flags.ignoreCase ?? false,
      wholeWord: flags.wordRegexp ?? false,
      wholeLine: flags.lineRegexp ?? false,
    })
  const parts = [...conditions(flags), ...expressions(flags, filters)]
  const where: Expression = parts.length === 0 ? { kind: 'all' } : { kind: 'and', parts }
  const format = formatOf(flags.output)
  // As in journalctl, `--utc` affects only what is printed: -S and -U are still in the local zone.
  const shown = flags.utc ? utc : localZone
  const print = { format, partsOnly: flags.onlyMatching ?? false, pattern, color, zone: shown }
  return {
    query: { where, pattern, invert: flags.invertMatch ?? false },
    print: flags.quiet
      ? 'nothing'
      : flags.listHosts
        ? 'hosts'
        : flags.count
          ? 'count'
          : { ...print, escape: terminal, ...(flags.invertMatch && { pattern: undefined }) },
    escapesHosts: terminal,
    reverse: flags.reverse ?? false,
    most: flags.maxCount ?? Infinity,
    last: flags.lines?.count ?? Infinity,
    oldest: flags.lines?.oldest ?? false,
    context: contextOf(flags),
    zone: localZone,
  }
}

function formatOf(name: string): PrintFormat {
  const format = printFormats.find((known) => known === name)
  if (!format) throw new Fault('USAGE', `-O ${quoted(name)}: formats are ${printFormats.join(', ')}`)
  return format
}

function contextOf({ context, afterContext, beforeContext }: GrepFlags): GrepOptions['context'] {
  const given = context?.lines ?? afterContext ?? beforeContext
  if (given === undefined && !context?.ofAll) return undefined
  // As in grep, `-C 0` also prints groups with `--` between them.
  const lines = context?.lines ?? (given === undefined ? CONTEXT_DEFAULT : 0)
  return { before: beforeContext ?? lines, after: afterContext ?? lines, ofAll: context?.ofAll ?? false }
}

function expressions({ where = [] }: GrepFlags, filters: Filters): Expression[] {
  return where.map((text) => resolveFilters(parseExpression(text), filters, text))
}

function conditions(flags: GrepFlags): Expression[] {
  const { since, until, priority, facility, identifier, host } = flags
  return [
    ...period(since, until),
    ...(priority === undefined ? [] : [severitiesOf(priority)]),
    ...(facility === undefined ? [] : [facilitiesOf(facility)]),
    ...(identifier === undefined ? [] : [namesOf('program', identifier)]),
    ...(host === undefined ? [] : [namesOf('host', host)]),
  ]
}

/** As in journalctl, a period that ends before it begins is an error, rather than a search that finds nothing. */
function period(since: string | undefined, until: string | undefined): Expression[] {
  const from = since === undefined ? undefined : timeOf('since', since)
  const to = until === undefined ? undefined : timeOf('until', until)
  const now = systemClock.now()
  if (from && to && resolveTime(from.time, now, localZone) > resolveTime(to.time, now, localZone)) {
    throw new Fault('USAGE', `--since: ${since} is later than --until ${until}`)
  }
  return [from, to].filter((bound) => bound !== undefined)
}

function timeOf<Kind extends 'since' | 'until'>(
  kind: Kind,
  text: string,
): { kind: Kind; text: string; time: TimeSpec } {
  const time = parseTime(text)
  if (!time) {
    throw new Fault('USAGE', `--${kind}: "${text}" is not a time; write "2026-11-20 10:00", today, -2h or "15 min ago"`)
  }
  return { kind, text, time }
}

/** `err` means err and more severe, as in journalctl; `warning..err` these two and those between them, in either order. */
function severitiesOf(text: string): Expression {
  const at = text.indexOf('..')
  const isRange = at >= 0
  const codeOf = (name: string, absent: number) => {
    const code = name === '' && isRange ? absent : severityCode(name)
    if (code === undefined) {
      throw new Fault(
        'USAGE',
        `-p ${quoted(text)}: severities are ${severityNames.join(', ')} and 0 to 7, or a range of them with ..`,
      )
    }
    return code
  }
  const ends = isRange ? [codeOf(text.slice(0, at), 0), codeOf(text.slice(at + 2), 7)] : [0, codeOf(text, 0)]
  ends.sort((a, b) => a - b)
  const names = severityNames.slice(ends[0], ends[1] + 1)
  return { kind: 'field', field: 'severity', values: names.map((name) => ({ kind: 'text', text: name })) }
}

function facilitiesOf(given: readonly string[]): Expression {
  const values = given
    .flatMap((list) => list.split(','))
    .map((name): Value => {
      const code = facilityCode(name.trim())
      if (code === undefined)
        throw new Fault('USAGE', `--facility ${quoted(name)}: facilities are ${facilityNames.join(', ')}`)
      return { kind: 'text', text: facilityNames[code] }
    })
  return { kind: 'field', field: 'facility', values }
}

function namesOf(field: 'program' | 'host', given: readonly string[]): Expression {
  const values = given.map((text): Value => {
    return isGlob(text) ? { kind: 'glob', pattern: text } : { kind: 'text', text: unescapeGlob(text) }
  })
  return { kind: 'field', field, values }
}

/** A value in an error; in quotes if nothing would be seen of it otherwise. */
const quoted = (value: string) => (value.trim() === '' ? JSON.stringify(value) : value)
