// Necessary conditions of an expression, by which a search skips blocks, files and days without decoding their messages. They
// are necessary, but not sufficient: whatever passes still has to be tested with the predicate.
//
//   severity:>=err host:web-1,web-2 "Failed password" (root OR admin) since:2h
//
//   priorities  the 96 of emerg, alert, crit, err       texts   [["failed password"], ["root", "admin"]]
//   host        [web-1 or web-2]                        since   now - 2h
//
// An AND has the conditions of all its parts. An OR has only what each of its parts requires in some form: the union of the
// priorities, the earliest `since`, a value or a text of any part. A NOT swaps AND and OR (De Morgan), and inverts priorities, times
// and the tests of dictionary fields. The absence of a text is no condition on a block.

import { assert } from '../fault.ts'
import type { Zone } from '../message/zone.ts'
import { ignoresCase, type Expression, type Field, type Value } from './ast.ts'
import { isAscii } from './fold.ts'
import { literalRuns } from './glob.ts'
import { compileFixed, compilePattern, requiredLiterals, type Literal } from './pattern.ts'
import { priorityTable } from './priority-table.ts'
import { compileSelector, PRIORITIES, type PriorityTable } from './selector.ts'
import { resolveTime } from './time.ts'
import { anyOf, compileValues, type ValueTest } from './value-test.ts'

/** The fields of which a block's summary has all values. */
export const dictionaryFields = ['host', 'program'] as const
export type DictionaryField = (typeof dictionaryFields)[number]

/** A conjunction of necessary conditions. */
export interface Conditions {
  /** 1 for each priority that can be selected, 0 for the others; all 0 if nothing can be selected. */
  readonly priorities: PriorityTable
  /** For each field, tests that its value must all pass. An absent field is an empty value. */
  readonly values: Readonly<Record<DictionaryField, readonly ValueTest[]>>
  /** Lists of literals. At least one of each list must occur in the message. */
  readonly texts: readonly (readonly Literal[])[]
  /** Earliest time of the message, µs since the epoch; -Infinity if there is no bound. */
  readonly since: number
  /** Latest time of the message, inclusive; Infinity if there is no bound. */
  readonly until: number
}

/** The conditions of an expression whose filters are resolved. `now`: µs since the epoch, for relative times. */
export function conditionsOf(expression: Expression, now: number, zone: Zone): Conditions {
  return collect(expression, false, { now, zone })
}

/** Whether no message can meet the conditions. */
export function selectsNothing({ priorities, since, until }: Conditions): boolean {
  return since > until || !priorities.includes(1)
}

interface Moment {
  readonly now: number
  readonly zone: Zone
}

function collect(expression: Expression, negated: boolean, moment: Moment): Conditions {
  switch (expression.kind) {
    case 'all':
      return negated ? NOTHING : ANYTHING
    case 'not':
      return collect(expression.part, !negated, moment)
    case 'and':
    case 'or': {
      const parts = expression.parts.map((part) => collect(part, negated, moment))
      return (expression.kind === 'and') !== negated ? parts.reduce(both) : parts.reduce(either)
    }
    case 'filter':
      assert(expression.target !== undefined, 'filters are resolved before an expression is analysed')
      return collect(expression.target, negated, moment)
    case 'selector':
      return ofPriorities(compileSelector(expression.parts), negated)
    case 'since':
    case 'until':
      return ofTime(expression.kind, resolveTime(expression.time, moment.now, moment.zone), negated)
    case 'text':
      return negated ? ANYTHING : { ...ANYTHING, texts: textClauses(expression.text) }
    case 'regex':
      return negated ? ANYTHING : { ...ANYTHING, texts: patternClauses(expression) }
    case 'field':
      return ofField(expression.field, expression.values, negated)
  }
}

const noValues: Conditions['values'] = { host: [], program: [] }
const ANYTHING: Conditions = {
  priorities: new Uint8Array(PRIORITIES).fill(1),
  values: noValues,
  texts: [],
  since: -Infinity,
  until: Infinity,
}
const NOTHING: Conditions = { ...ANYTHING, priorities: new Uint8Array(PRIORITIES) }

function ofPriorities(table: PriorityTable, negated: boolean): Conditions {
  return { ...ANYTHING, priorities: negated ? table.map((bit) => bit ^ 1) : table }
}

// Times are integers (µs), so that the negation of `>= bound` is `<= bound - 1`.
function ofTime(kind: 'since' | 'until', bound: number, negated: boolean): Conditions {
  if (kind === 'since') return negated ? { ...ANYTHING, until: bound - 1 } : { ...ANYTHING, since: bound }
  return negated ? { ...ANYTHING, since: bound + 1 } : { ...ANYTHING, until: bound }
}

function ofField(field: Field, values: readonly Value[], negated: boolean): Conditions {
  switch (field) {
    case 'facility':
    case 'severity':
      return ofPriorities(priorityTable(field, values), negated)
    case 'message': {
      const clauses = values.map(messageClauses).reduce(eitherClauses)
      return negated ? ANYTHING : { ...ANYTHING, texts: clauses }
    }
    case 'host':
    case 'program': {
      const test = compileValues(values, field === 'host')
      return { ...ANYTHING, values: { ...noValues, [field]: [negated ? failing(test) : test] } }
    }
    default:
      return ANYTHING
  }
}

function failing(value: ValueTest): ValueTest {
  return { test: (bytes, start, end) => !value.test(bytes, start, end) }
}

function messageClauses(value: Value): Conditions['texts'] {
  switch (value.kind) {
    case 'text':
    case 'equal':
      return textClauses(value.text)
    case 'glob':
      return literalRuns(value.pattern).flatMap((text) => wholeClauses(text, ignoresCase(value.pattern)))
    case 'regex':
      return patternClauses(value)
    case 'exists':
    case 'compare':
    case 'range':
      return []
  }
}

function patternClauses({ pattern, ignoreCase }: { pattern: string; ignoreCase: boolean }): Conditions['texts'] {
  return requiredLiterals(compilePattern(pattern, ignoreCase))
}

function textClauses(text: string): Conditions['texts'] {
  return text === '' ? [] : wholeClauses(text, ignoresCase(text))
}

function wholeClauses(text: string, ignoreCase: boolean): Conditions['texts'] {
  return ignoreCase && !isAscii(text) ? requiredLiterals(compileFixed(text)) : [[{ text, ignoreCase }]]
}

function both(a: Conditions, b: Conditions): Conditions {
  return {
    priorities: a.priorities.map((bit, priority) => bit & b.priorities[priority]),
    values: mapFields((field) => [...a.values[field], ...b.values[field]]),
    texts: [...a.texts, ...b.texts],
    since: Math.max(a.since, b.since),
    until: Math.min(a.until, b.until),
  }
}

function either(a: Conditions, b: Conditions): Conditions {
  if (selectsNothing(a)) return b
  if (selectsNothing(b)) return a
  return {
    priorities: a.priorities.map((bit, priority) => bit | b.priorities[priority]),
    values: mapFields((field) => eitherValues(a.values[field], b.values[field])),
    texts: eitherClauses(a.texts, b.texts),
    since: Math.min(a.since, b.since),
    until: Math.max(a.until, b.until),
  }
}

function eitherValues(a: readonly ValueTest[], b: readonly ValueTest[]): readonly ValueTest[] {
  return a.length === 0 || b.length === 0 ? [] : [anyOf([allOf(a), allOf(b)])]
}

function allOf(tests: readonly ValueTest[]): ValueTest {
  return { test: (bytes, start, end) => tests.every((test) => test.test(bytes, start, end)) }
}

/** Joins one clause of each side, the one whose shortest literal is longest. A block with none of these literals matches neither side. */
function eitherClauses(a: Conditions['texts'], b: Conditions['texts']): Conditions['texts'] {
  if (a.length === 0 || b.length === 0) return []
  return [[...longestClause(a), ...longestClause(b)]]
}

function longestClause(clauses: Conditions['texts']): readonly Literal[] {
  const shortest = (clause: readonly Literal[]) => Math.min(...clause.map(({ text }) => text.length))
  return clauses.reduce((best, clause) => (shortest(clause) > shortest(best) ? clause : best))
}

function mapFields(valuesOf: (field: DictionaryField) => readonly ValueTest[]): Conditions['values'] {
  return { host: valuesOf('host'), program: valuesOf('program') }
}
