// Parses the values of a field, such as those after `program:`.
//
//   value  = "*" | quoted | /re/ | ["=" | ">=" | "<=" | ">" | "<"] (quoted | bare) | bare ".." bare
//   bare   = up to a blank, a parenthesis or a comma; `*` and `?` in it are wildcards, `\` escapes them
//
// A value matches the whole field; for `message` a plain value matches any part (`=` and globs match the whole). Facility, severity
// and host ignore case, `message` has smart case, and all other fields are case-sensitive. Ranges and comparisons are for fields
// that have an order: severity (more severe is greater), facility (by code), from (addresses), and numbers in pid, msgid and sd.

import { facilityCode, facilityNames, severityCode, severityNames } from '../message/priority.ts'
import { parseNetwork } from './address.ts'
import type { Comparison, Expression, Field, PlainField, Value } from './ast.ts'
import { isGlob, globTest, unescapeGlob } from './glob.ts'
import type { Cursor } from './lex.ts'
import { readPattern } from './pattern.ts'
import { nearest } from './problem.ts'

const NUMBER = /^-?\d+(\.\d+)?$/
const ADDRESS_CHARACTERS = /^[\d.:a-f*?%/]+$/i

/** Parses the values of a field. The cursor is after the colon; the name begins at `start`. */
export function parseField(cursor: Cursor, name: string, start: number): Expression {
  const field = fieldOf(name)
  const nameEnd = cursor.at - 1
  const values: Value[] = []
  for (;;) {
    const value = parseValue(cursor, field ?? 'message')
    if (value) values.push(value)
    if (cursor.here !== ',') break
    cursor.at += 1
  }
  cursor.expectBoundary('the value')
  if (!field) cursor.fail(start, 'structured data is asked for as sd.ID.PARAM:value', undefined, nameEnd)
  if (!field || values.length === 0) return { kind: 'all' }
  if (typeof field === 'object' && field.param === undefined && values.some(({ kind }) => kind !== 'exists')) {
    cursor.fail(start, `"${name}" names an element: it takes only *, a value needs sd.ID.PARAM`, undefined, nameEnd)
  }
  return { kind: 'field', field, values }
}

// The enterprise number of an id may contain dots (`x@32473.1`), so the last dot is the one before the parameter.
function fieldOf(name: string): Field | undefined {
  if (!/^sd(\.|$)/i.test(name)) return name.toLowerCase() as PlainField
  const path = name.slice(3)
  const dot = path.lastIndexOf('.')
  if (path === '' || dot === 0 || dot === path.length - 1) return undefined
  return dot < 0 ? { id: path } : { id: path.slice(0, dot), param: path.slice(dot + 1) }
}

function parseValue(cursor: Cursor, field: Field): Value | undefined {
  const start = cursor.at
  if (cursor.here === '(') {
    cursor.fail(start, 'several values are joined by commas, without parentheses', undefined, start + 1)
    return undefined
  }
  if (cursor.here === '/' && field !== 'from') {
    return { kind: 'regex', ...readPattern(cursor, ',') }
  }
  const operator = /^[<>]=?|^=/.exec(cursor.text.slice(cursor.at, cursor.at + 2))?.[0] ?? ''
  cursor.at += operator.length
  const quoted = cursor.atQuote
  const text = quoted ? cursor.readQuoted().text : cursor.readWord(',')
  if (text === '' && !quoted) {
    cursor.fail(start, 'a value is missing here', undefined, Math.max(cursor.at, start + 1))
    return undefined
  }
  const value = operator === '' ? plainValue(field, text, quoted) : comparedValue(operator, text)
  return checkValue(cursor, field, value, start)
}

function comparedValue(operator: string, text: string): Value {
  return operator === '=' ? { kind: 'equal', text } : { kind: 'compare', comparison: operator as Comparison, text }
}

function plainValue(field: Field, text: string, quoted: boolean): Value {
  if (quoted) return { kind: 'text', text }
  if (/^\*+$/.test(text)) return { kind: 'exists' }
  const dots = text.indexOf('..')
  if (dots > 0 && dots + 2 < text.length && takesRange(field, text.slice(0, dots), text.slice(dots + 2))) {
    return { kind: 'range', from: text.slice(0, dots), to: text.slice(dots + 2) }
  }
  return isGlob(text) ? { kind: 'glob', pattern: text } : { kind: 'text', text: unescapeGlob(text) }
}

// Fields that are not always numbers take ranges only between numbers: `../lib` and `a..b` are text.
function takesRange(field: Field, from: string, to: string): boolean {
  if (typeof field === 'object' || field === 'pid' || field === 'msgid') return NUMBER.test(from) && NUMBER.test(to)
  return field !== 'message'
}

/** Checks that a value makes sense for the field, and returns it as the tree has it. */
function checkValue(cursor: Cursor, field: Field, value: Value, start: number): Value | undefined {
  if (isNamed(field)) return checkNames(cursor, field, value, start)
  if (field === 'from') return checkAddress(cursor, value, start)
  if (value.kind === 'compare') {
    if (field === 'host' || field === 'program' || field === 'source' || field === 'message') {
      cursor.fail(start, `${field} has no order to compare by`)
    } else if (!NUMBER.test(value.text)) {
      cursor.fail(start, `"${value.text}" is not a number to compare with`)
    }
  } else if (value.kind === 'range' && (field === 'host' || field === 'program' || field === 'source')) {
    cursor.fail(start, `${field} has no order, so no ranges; quotes make it text`)
  } else if (value.kind === 'equal' && field !== 'message') {
    return { kind: 'text', text: value.text }
  }
  return value
}

function isNamed(field: Field): field is 'facility' | 'severity' {
  return field === 'facility' || field === 'severity'
}

function checkNames(cursor: Cursor, field: 'facility' | 'severity', value: Value, start: number): Value | undefined {
  const names: readonly string[] = field === 'facility' ? facilityNames : severityNames
  const codeOf = field === 'facility' ? facilityCode : severityCode
  const named = (text: string): string => {
    const code = codeOf(text)
    if (code !== undefined) return names[code]
    cursor.fail(start, `there is no ${field} "${text}"`, nearest(text, names))
    return text
  }
  switch (value.kind) {
    case 'text':
    case 'equal':
      return { kind: 'text', text: named(value.text) }
    case 'compare':
      return { ...value, text: named(value.text) }
    case 'range':
      return { kind: 'range', from: named(value.from), to: named(value.to) }
    case 'glob': {
      const test = globTest(value.pattern, true)
      if (!names.some((name) => test(name))) cursor.fail(start, `no ${field} is like "${value.pattern}"`)
      return value
    }
    case 'regex':
    case 'exists':
      return value
  }
}

function checkAddress(cursor: Cursor, value: Value, start: number): Value | undefined {
  const texts = value.kind === 'range' ? [value.from, value.to] : 'text' in value ? [value.text] : []
  for (const text of texts) {
    const network = parseNetwork(text)
    if (!network)
      cursor.fail(start, `"${text}" is not an address: write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32 or a glob`)
    else if (value.kind !== 'text' && value.kind !== 'equal' && text.includes('/')) {
      cursor.fail(start, `"${text}" is a network: only addresses have an order`)
    }
  }
  if (value.kind === 'glob' && !ADDRESS_CHARACTERS.test(value.pattern)) {
    cursor.fail(start, `no address is like "${value.pattern}"`)
  }
  return value.kind === 'equal' ? { kind: 'text', text: value.text } : value
}
