// A naive implementation of the language over strings: the model that the predicate over bytes is compared with.

import type { Comparison, Expression, Value } from '../../common/expression/ast.ts'
import { resolveTime } from '../../common/expression/time.ts'
import { facilityNames, severityNames } from '../../common/message/priority.ts'
import { utc } from '../../common/message/zone.ts'
import { RECEIVED, type Sample } from './rows.ts'

const foldAscii = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
const smart = (text: string) => text === text.toLowerCase()

/** Whether the expression selects the message. */
export function selectsNaively(expression: Expression, sample: Sample): boolean {
  const message = sample.message ?? ''
  switch (expression.kind) {
    case 'all':
      return true
    case 'and':
      return expression.parts.every((part) => selectsNaively(part, sample))
    case 'or':
      return expression.parts.some((part) => selectsNaively(part, sample))
    case 'not':
      return !selectsNaively(expression.part, sample)
    case 'text':
      return contains(message, expression.text)
    case 'regex':
      return matches(message, expression)
    case 'field':
      return expression.values.some((value) => selectsValue(expression.field, value, sample))
    case 'since':
      return timeOf(sample) >= resolveTime(expression.time, RECEIVED, utc)
    case 'until':
      return timeOf(sample) <= resolveTime(expression.time, RECEIVED, utc)
    case 'filter':
    case 'selector':
      throw new Error(`not in these tests: ${expression.kind}`)
  }
}

function timeOf({ time, received = RECEIVED }: Sample): number {
  return time === undefined || time > received + 3600e6 ? received : time
}

function contains(message: string, text: string): boolean {
  return smart(text) ? folded(message).includes(folded(text)) : message.includes(text)
}

// Folds one character at a time, and never from ASCII to non-ASCII or back.
function folded(text: string): string {
  return Array.from(text, (character) => {
    if (character < '\x80') return foldAscii(character)
    const lower = one(character.toLowerCase()) ?? character
    const upper = one(lower.toUpperCase()) ?? lower
    return lower < '\x80' || upper < '\x80' ? character : upper
  }).join('')
}

function one(text: string): string | undefined {
  return Array.from(text).length === 1 ? text : undefined
}

function matches(text: string, { pattern, ignoreCase }: { pattern: string; ignoreCase: boolean }): boolean {
  return new RegExp(pattern.replaceAll('[:alpha:]', '\\p{L}'), ignoreCase ? 'imu' : 'mu').test(text)
}

type FieldExpression = Expression & { kind: 'field' }

function selectsValue(field: FieldExpression['field'], value: Value, sample: Sample): boolean {
  const { origin = {}, priority = 13 } = sample
  switch (field) {
    case 'facility':
      return selectsName(facilityNames, priority >> 3, value, 1)
    case 'severity':
      return selectsName(severityNames, priority & 7, value, -1)
    case 'host': {
      const standIn = origin.host ?? 'fallback'
      return selectsText(origin.hostForced ? standIn : sample.host || standIn, value, true)
    }
    case 'program': {
      const standIn = sample.raw ? (origin.program ?? 'stand-in') : ''
      return selectsText(sample.program || standIn, value, false)
    }
    case 'pid':
    case 'msgid':
      return selectsText(sample[field] ?? '', value, false)
    case 'message':
      return selectsMessage(sample.message ?? '', value)
    case 'from':
      return selectsPeer(origin.peer, value)
    case 'source':
      return selectsText(origin.source ?? 'network', value, false)
    default:
      return selectsStructured(field, value, sample.sd ?? '')
  }
}

function selectsName(names: readonly string[], code: number, value: Value, order: number): boolean {
  if (value.kind === 'compare') return compares(order * (code - names.indexOf(value.text)), value.comparison)
  if (value.kind === 'range') {
    const ends = [names.indexOf(value.from), names.indexOf(value.to)].sort((a, b) => a - b)
    return code >= ends[0] && code <= ends[1]
  }
  return selectsText(names[code], value, true)
}

function compares(difference: number, comparison: Comparison): boolean {
  if (comparison === '>=') return difference >= 0
  if (comparison === '<=') return difference <= 0
  return comparison === '>' ? difference > 0 : difference < 0
}

function selectsText(text: string, value: Value, ignoreCase: boolean): boolean {
  const fold = (text: string) => (ignoreCase ? foldAscii(text) : text)
  const number = /^-?(\d+\.?|\d*\.\d+|\d+\.\d+)$/.test(text) && !text.endsWith('.') ? Number(text) : NaN
  switch (value.kind) {
    case 'exists':
      return text !== ''
    case 'text':
    case 'equal':
      return fold(text) === fold(value.text)
    case 'glob':
      return globRegex(fold(value.pattern)).test(fold(text))
    case 'regex':
      return text !== '' && matches(text, value)
    case 'compare':
      return compares(number - Number(value.text), value.comparison)
    case 'range': {
      const [low, high] = [Number(value.from), Number(value.to)].sort((a, b) => a - b)
      return number >= low && number <= high
    }
  }
}

function globRegex(pattern: string): RegExp {
  const parts = pattern.replaceAll(/\\[*?\\]|[*?]|[^]/gu, (part) => {
    if (part === '*') return '[^]*'
    if (part === '?') return '[^]'
    return (part.length > 1 && part[0] === '\\' ? part.slice(1) : part).replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return new RegExp(`^${parts}$`, 'u')
}

function selectsMessage(message: string, value: Value): boolean {
  if (value.kind === 'text') return value.text === '' ? message === '' : contains(message, value.text)
  if (value.kind === 'regex') return matches(message, value)
  const text = value.kind === 'glob' ? value.pattern : value.kind === 'equal' ? value.text : ''
  return selectsText(message, value, smart(text))
}

const order = ['10.0.0.1', '10.0.0.9', '10.1.0.1', '192.0.2.7']
const ipv6 = ['::1', ...order, '2001:db8::7']

function selectsPeer(peer: string | undefined, value: Value): boolean {
  if (peer === undefined) return false
  switch (value.kind) {
    case 'exists':
      return true
    case 'text':
      if (value.text === '10.0.0.0/24') return peer.startsWith('10.0.0.')
      if (value.text === '2001:db8::/32') return peer.startsWith('2001:db8:')
      return value.text === '::/0' || peer === value.text
    case 'glob':
      return peer === '10.0.0.1' || peer === '10.1.0.1'
    case 'compare':
      return compares(ipv6.indexOf(peer) - ipv6.indexOf(value.text), value.comparison)
    case 'range': {
      const ends = [ipv6.indexOf(value.from), ipv6.indexOf(value.to)].sort((a, b) => a - b)
      return ipv6.indexOf(peer) >= ends[0] && ipv6.indexOf(peer) <= ends[1]
    }
    case 'equal':
    case 'regex':
      throw new Error(`not in these tests: from:${value.kind}`)
  }
}

function selectsStructured(field: { id: string; param?: string }, value: Value, sd: string): boolean {
  for (const [, id, params] of sd.matchAll(/\[([^ \]]+)((?: [^=]+="(?:[^"\\]|\\.)*")*)\]/g)) {
    if (id !== field.id) continue
    if (field.param === undefined) return true
    for (const [, name, text] of params.matchAll(/ ([^=]+)="((?:[^"\\]|\\.)*)"/g)) {
      const plain = text.replaceAll(/\\(["\\\]])/g, '$1')
      if (name === field.param && (value.kind === 'exists' || selectsText(plain, value, false))) return true
    }
  }
  return false
}
