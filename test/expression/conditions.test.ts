import { describe, expect, test } from 'vitest'
import { conditionsOf, dictionaryFields, selectsNothing, type Conditions } from '../../common/expression/conditions.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { utc } from '../../common/message/zone.ts'

const NOW = Date.UTC(2026, 10, 20, 10) * 1000
const HOUR = 3600e6

function conditions(text: string): Conditions {
  return conditionsOf(parseExpression(text), NOW, utc)
}

/** The conditions of an expression in short form, without those that require nothing. */
function demands(text: string): Record<string, unknown> {
  const { priorities, values, texts, since, until } = conditions(text)
  const found: Record<string, unknown> = {}
  const count = priorities.filter((bit) => bit !== 0).length
  if (count < 192) found.priorities = count
  for (const field of dictionaryFields) {
    if (values[field].length > 0) found[field] = values[field].length
  }
  if (texts.length > 0) {
    found.texts = texts.map((clause) => clause.map(({ text, ignoreCase }) => (ignoreCase ? `${text}/i` : text)))
  }
  if (since > -Infinity) found.since = (since - NOW) / HOUR
  if (until < Infinity) found.until = (until - NOW) / HOUR
  return found
}

describe('necessary conditions of an expression', () => {
  const cases: [string, Record<string, unknown>][] = [
    ['*', {}],
    ['severity:>=err', { priorities: 96 }],
    ['-severity:>=err', { priorities: 96 }],
    ['mail.err', { priorities: 4 }],
    ['severity:err facility:mail,news', { priorities: 2 }],
    ['severity:err OR facility:mail', { priorities: 24 + 8 - 1 }],
    ['severity:err OR word', {}],
    ['word', { texts: [['word/i']] }],
    ['Word "two words"', { texts: [['Word'], ['two words/i']] }],
    ['-word', {}],
    ['NOT -word', { texts: [['word/i']] }],
    ['root OR admin', { texts: [['root/i', 'admin/i']] }],
    ['(root failed) OR Admin', { texts: [['failed/i', 'Admin']] }],
    ['(root OR admin) failed', { texts: [['root/i', 'admin/i'], ['failed/i']] }],
    ['-(a OR b)', {}],
    ['-(-root OR -admin)', { texts: [['root/i'], ['admin/i']] }],
    ['/invalid user \\w+/', { texts: [['invalid user ']] }],
    ['/(sshd|su): .*failed/i', { texts: [['failed/i']] }],
    ['/sshd: .|su: ./', { texts: [['sshd: ', 'su: ']] }],
    ['/ab.*cd/', { texts: [['ab'], ['cd']] }],
    ['/a?b*/', {}],
    ['message:fail*ed', { texts: [['fail/i'], ['ed/i']] }],
    ['message:=Failed', { texts: [['Failed']] }],
    ['message:Root,admin', { texts: [['Root', 'admin/i']] }],
    ['message:*', {}],
    ['host:web-1,db', { host: 1 }],
    ['-host:web-1', { host: 1 }],
    ['host:a* host:*b', { host: 2 }],
    ['host:a OR host:b', { host: 1 }],
    ['host:a OR program:b', {}],
    ['host:a program:b', { host: 1, program: 1 }],
    ['pid:1 msgid:X source:net from:10.0.0.0/8', {}],
    ['since:2h until:1h', { since: -2, until: -1 }],
    ['since:2h since:1h', { since: -1 }],
    ['since:2h OR since:1h', { since: -2 }],
    ['(since:3h until:2h) OR (since:5h until:4h)', { since: -5, until: -2 }],
    ['sd.a.k:v', {}],
    ['müller', { texts: [['m/i'], ['ller/i']] }],
  ]
  test.each(cases)('%s', (text, expected) => expect(demands(text)).toEqual(expected))
})

test('a negated time bound excludes the bound itself', () => {
  expect(conditions('-since:1h').until).toBe(NOW - HOUR - 1)
  expect(conditions('-until:1h').since).toBe(NOW - HOUR + 1)
})

test('expressions that can select nothing are recognized', () => {
  for (const text of [
    '-*',
    'severity:err severity:info',
    'since:1h until:2h',
    'mail.!info',
    '-(severity:err OR -severity:err)',
  ]) {
    expect(selectsNothing(conditions(text)), text).toBe(true)
  }
  for (const text of ['*', 'word', 'since:2h until:1h', '-* OR host:a']) {
    expect(selectsNothing(conditions(text)), text).toBe(false)
  }
  expect(demands('-* OR host:a')).toEqual({ host: 1 })
})

test('conditions on a field test its values', () => {
  const passes = (text: string, field: (typeof dictionaryFields)[number], value: string) =>
    conditions(text).values[field].every((condition) => condition.test(Buffer.from(value), 0, value.length))
  expect(passes('host:web-*', 'host', 'WEB-1')).toBe(true)
  expect(passes('host:web-*', 'host', 'db')).toBe(false)
  expect(passes('host:Web-1,db', 'host', 'web-1')).toBe(true)
  expect(passes('host:Web-1,db', 'host', 'web-2')).toBe(false)
  expect(passes('program:Cron', 'program', 'cron')).toBe(false)
  expect(passes('-program:cron', 'program', 'cron')).toBe(false)
  expect(passes('-program:cron', 'program', '')).toBe(true)
  expect(passes('host:a* OR (host:b* -host:bb)', 'host', 'bc')).toBe(true)
  expect(passes('host:a* OR (host:b* -host:bb)', 'host', 'bb')).toBe(false)
})
