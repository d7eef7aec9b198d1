// Random expressions and messages over a small alphabet, so that matches are likely.

import fc from 'fast-check'
import type { Expression, Field, PlainField, Value } from '../../common/expression/ast.ts'
import { parseTime } from '../../common/expression/time.ts'
import { facilityNames, severityNames } from '../../common/message/priority.ts'
import { RECEIVED, type Sample } from './rows.ts'

const word = fc.string({ unit: fc.constantFrom(...Array.from('aAbBxé1-')), minLength: 1, maxLength: 4 })
const anyText = fc.oneof(
  word,
  word,
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
  fc.constantFrom('AND', '"', '\\', "it's", 'a b'),
)
const globPattern = fc
  .array(fc.constantFrom('a', 'A', 'b', 'é', '*', '?', '\\*', '\\\\'), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''))
  .filter((pattern) => /(^|[^\\])(\\\\)*[*?]/.test(pattern) && !/^\*+$/.test(pattern))
const pattern = fc.constantFrom('a', '^a', 'b$', 'a.b', '[ab]+x', 'a|b', '[^/]/', 'é', '[[:alpha:]/]1', '\\d')
const regex = fc.record({ kind: fc.constant('regex' as const), pattern, ignoreCase: fc.boolean() })
const exists = fc.constant<Value>({ kind: 'exists' })
const number = fc.integer({ min: -20, max: 20 }).map(String)
const comparison = fc.constantFrom('>=' as const, '<=' as const, '>' as const, '<' as const)
const compareNumber = fc.record({ kind: fc.constant('compare' as const), comparison, text: number })
const rangeNumber = fc.record({ kind: fc.constant('range' as const), from: number, to: number })
const textValue = fc.oneof(anyText, fc.constant('')).map((text): Value => ({ kind: 'text', text }))
const globValue = globPattern.map((pattern): Value => ({ kind: 'glob', pattern }))
const plainValue = fc.oneof(exists, textValue, textValue, globValue, regex)
const numericValue = fc.oneof(plainValue, compareNumber, rangeNumber)

function named(names: readonly string[]): fc.Arbitrary<Value> {
  const name = fc.constantFrom(...names)
  return fc.oneof(
    exists,
    name.map((text): Value => ({ kind: 'text', text })),
    fc.record({ kind: fc.constant('compare' as const), comparison, text: name }),
    fc.record({ kind: fc.constant('range' as const), from: name, to: name }),
    fc.constantFrom<Value>({ kind: 'glob', pattern: '?*r*' }, { kind: 'regex', pattern: 'e', ignoreCase: false }),
  )
}

const address = fc.constantFrom('10.0.0.1', '10.0.0.9', '10.1.0.1', '192.0.2.7', '::1', '2001:db8::7')
const addressValue = fc.oneof(
  exists,
  fc
    .oneof(address, fc.constantFrom('10.0.0.0/24', '::/0', '2001:db8::/32'))
    .map((text): Value => ({ kind: 'text', text })),
  fc.record({ kind: fc.constant('compare' as const), comparison, text: address }),
  fc.record({ kind: fc.constant('range' as const), from: address, to: address }),
  fc.constant<Value>({ kind: 'glob', pattern: '10.*.1' }),
)

function field(name: Field, value: fc.Arbitrary<Value>): fc.Arbitrary<Expression> {
  const values = fc.array(value, { minLength: 1, maxLength: 3 })
  return values.map((values): Expression => ({ kind: 'field', field: name, values }))
}

const messageValue = fc.oneof(
  plainValue,
  anyText.map((text): Value => ({ kind: 'equal', text })),
)
const plainFields: Record<PlainField, fc.Arbitrary<Value>> = {
  facility: named(facilityNames),
  severity: named(severityNames),
  host: plainValue,
  program: plainValue,
  pid: numericValue,
  msgid: numericValue,
  message: messageValue,
  from: addressValue,
  source: plainValue,
}

const timeText = fc.constantFrom(
  '1h',
  '-2h',
  '+30m',
  'today',
  'yesterday',
  '2026-11-20 09:30',
  '2026-11-19T23:00:00Z',
  '@1763632800',
  'now',
)
const leaf: fc.Arbitrary<Expression> = fc.oneof(
  { weight: 4, arbitrary: anyText.map((text): Expression => ({ kind: 'text', text })) },
  { weight: 2, arbitrary: regex },
  { weight: 1, arbitrary: fc.constant<Expression>({ kind: 'all' }) },
  ...Object.entries(plainFields).map(([name, value]) => ({ weight: 1, arbitrary: field(name as PlainField, value) })),
  { weight: 1, arbitrary: field({ id: 'a@1', param: 'k' }, numericValue) },
  { weight: 1, arbitrary: field({ id: 'b' }, exists) },
  {
    weight: 1,
    arbitrary: fc
      .record({ kind: fc.constantFrom('since' as const, 'until' as const), text: timeText })
      .map(({ kind, text }): Expression => ({ kind, text, time: parseTime(text)! })),
  },
)

/** Expressions without selectors and filters. */
export const arbitraryExpression: fc.Arbitrary<Expression> = fc.letrec<{ node: Expression }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('node'), { minLength: 2, maxLength: 3 }))
      .map(([kind, parts]): Expression => ({ kind, parts })),
    tie('node').map((part): Expression => ({ kind: 'not', part })),
  ),
})).node

const optional = (text: fc.Arbitrary<string>) => fc.option(text, { nil: undefined })
const param = fc.oneof(word, number, fc.constantFrom('', '\\"', '\\\\', '\\]', '\\n')).map((value) => `k="${value}"`)
const element = fc.oneof(
  fc.constantFrom('[b]', '[b x="[a@1 k=\\"a\\"]"]', '[c x="1"]'),
  fc.array(param, { maxLength: 3 }).map((params) => `[${['a@1', ...params].join(' ')}]`),
)
const messageText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('aAbBxéÉ1- /"')), maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
)

/** Messages. */
export const arbitrarySample: fc.Arbitrary<Sample> = fc.record(
  {
    priority: fc.integer({ min: 0, max: 191 }),
    host: optional(word),
    program: optional(word),
    pid: optional(fc.oneof(number, word, fc.constantFrom('1.5', '.5', '-'))),
    msgid: optional(fc.oneof(number, word)),
    sd: optional(fc.array(element, { minLength: 1, maxLength: 3 }).map((elements) => elements.join(''))),
    message: messageText,
    time: fc.option(
      fc.integer({ min: -30 * 3600, max: 3 * 3600 }).map((seconds) => RECEIVED + seconds * 1e6),
      { nil: undefined },
    ),
    raw: fc.boolean(),
    origin: fc.record(
      {
        source: word,
        peer: optional(address),
        host: fc.oneof(word, fc.constant('')),
        hostForced: fc.boolean(),
        program: fc.oneof(word, fc.constant('')),
      },
      { requiredKeys: [] },
    ),
    received: fc.option(fc.constant(RECEIVED - 3 * 3600e6), { nil: undefined }),
  },
  { requiredKeys: [] },
)
