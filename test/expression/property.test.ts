// Random expressions over random messages. fast-check prints the seed of a failure.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conditionsOf, dictionaryFields, selectsNothing } from '../../common/expression/conditions.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { compilePredicate } from '../../common/expression/predicate.ts'
import { ExpressionFault } from '../../common/expression/problem.ts'
import { utc } from '../../common/message/zone.ts'
import { arbitraryExpression, arbitrarySample } from './arbitrary.ts'
import { formatExpression } from './format.ts'
import { selectsNaively } from './naive.ts'
import { RECEIVED, rowsOf, type Sample } from './rows.ts'

const runs = { numRuns: Number(process.env.SLUICE_TEST_RUNS ?? 2000) }

test('a printed expression parses to the same tree', () => {
  fc.assert(
    fc.property(arbitraryExpression, (expression) => {
      expect(parseExpression(formatExpression(expression))).toEqual(expression)
    }),
    runs,
  )
})

test('any text that can be parsed is printed as a text that parses to the same tree', () => {
  const piece = fc.constantFrom(
    ...Array.from('ab"\'\\/()-!*?:,.=<>[] '),
    'AND ',
    'OR ',
    'NOT ',
    'severity:',
    'err',
    'host:',
    'sd.a.b:',
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      (text) => {
        const expression = parsed(text)
        if (expression) expect(parseExpression(formatExpression(expression))).toEqual(expression)
      },
    ),
    runs,
  )
})

test('the predicate over bytes selects the same messages as the naive implementation', () => {
  fc.assert(
    fc.property(
      arbitraryExpression,
      fc.array(arbitrarySample, { minLength: 1, maxLength: 8 }),
      (expression, samples) => {
        const open = new Uint8Array(samples.length).fill(1)
        compilePredicate(expression, { zone: utc }).narrow(rowsOf(samples), open)
        expect(open, formatExpression(expression)).toEqual(
          Uint8Array.from(samples, (sample) => (selectsNaively(expression, sample) ? 1 : 0)),
        )
      },
    ),
    runs,
  )
})

test('every selected message meets all conditions', () => {
  fc.assert(
    fc.property(arbitraryExpression, arbitrarySample, (expression, sample) => {
      const selected = selectsNaively(expression, sample)
      if (selected)
        expect(unmet(sample, conditionsOf(expression, RECEIVED, utc)), formatExpression(expression)).toEqual([])
    }),
    runs,
  )
})

/** The conditions that the message does not meet. */
function unmet(sample: Sample, conditions: ReturnType<typeof conditionsOf>): string[] {
  const missing: string[] = []
  const { origin = {}, message = '' } = sample
  const standIn = origin.host ?? 'fallback'
  const values: Record<string, string> = {
    host: origin.hostForced ? standIn : sample.host || standIn,
    program: sample.program || (sample.raw ? (origin.program ?? 'stand-in') : ''),
  }
  if (selectsNothing(conditions)) missing.push('anything')
  if (conditions.priorities[sample.priority ?? 13] === 0) missing.push('priority')
  const { received = RECEIVED } = sample
  const time = sample.time === undefined || sample.time > received + 3600e6 ? received : sample.time
  if (time < conditions.since || time > conditions.until) missing.push('time')
  for (const field of dictionaryFields) {
    const value = Buffer.from(values[field])
    for (const condition of conditions.values[field]) {
      if (!condition.test(value, 0, value.length)) missing.push(field)
    }
  }
  const lower = message.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  for (const clause of conditions.texts) {
    const met = clause.some(({ text, ignoreCase }) => (ignoreCase ? lower : message).includes(text))
    if (!met) missing.push(`one of ${JSON.stringify(clause)}`)
  }
  return missing
}

function parsed(text: string) {
  try {
    return parseExpression(text)
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error
    return undefined
  }
}
