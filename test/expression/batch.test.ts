// Predicates over batches of real syslog lines: the examples of RFC 3164 §5.4 and RFC 5424 §6.5, and bare lines.

import { describe, expect, test } from 'vitest'
import { parseExpression } from '../../common/expression/parse.ts'
import { compilePredicate } from '../../common/expression/predicate.ts'
import { utc } from '../../common/message/zone.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { originOf } from './rows.ts'

const lines = [
  "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
  '<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!',
  "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8",
  "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
  '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" ' +
    'eventSource="Application" eventID="1011"] An application event log entry...',
  'a bare line',
]
const network = originOf({ source: 'network', peer: '192.0.2.7', host: '192.0.2.7', program: '' })
const file: Origin = { ...originOf({ source: 'apps', host: 'here', program: 'app' }), lines: 'text', priority: 134 }

function batchOf(texts: readonly string[], runs: Batch['runs']): Batch {
  const slab = new SlabPool().take()!
  const bounds = new Uint32Array(2 * texts.length)
  let at = 0
  for (const [i, text] of texts.entries()) {
    bounds[2 * i] = at
    at += slab.bytes.write(text, at)
    bounds[2 * i + 1] = at
    at += slab.bytes.write('\n', at)
  }
  return { slab, bounds, count: texts.length, received: Date.UTC(2003, 9, 12) * 1000, runs }
}

function twoRuns(): Batch {
  return batchOf(lines, [
    { count: 5, origin: network },
    { count: 1, origin: file },
  ])
}

describe('which lines are selected', () => {
  test.each([
    ['severity:crit', [0, 2]],
    ['auth.*', [0, 2]],
    ['local4.=notice;local0.info', [3, 4, 5]],
    ['host:mymachine', [0]],
    ['host:mymachine*', [0, 2, 4]],
    ['host:here', [5]],
    ['program:su', [0, 2]],
    ['program:app', [5]],
    ['pid:8710', [3]],
    ['msgid:ID47', [2, 4]],
    ['failed', [0, 2]],
    ['"It\'s time"', [3]],
    ['mymachine', []],
    ['severity:crit OR application', [0, 2, 4]],
    ['sd.exampleSDID@32473.eventID:1011', [4]],
    ['sd.exampleSDID@32473.iut:>=4', []],
    ['from:192.0.2.0/24', [0, 1, 2, 3, 4]],
    ['-from:192.0.2.0/24', [5]],
    ['source:apps', [5]],
    ['/^a /', [5]],
    ['/^.su root/', [0, 2]],
    ['until:2003-08-25T00:00:00Z', [1, 3]],
    ['-program:su -source:apps', [1, 3, 4]],
    ['*', [0, 1, 2, 3, 4, 5]],
    ['-*', []],
  ])('%s', (text, expected) => {
    const batch = twoRuns()
    // All old values are overwritten, and nothing beyond the batch.
    const into = new Uint8Array(batch.count + 1).fill(7)
    compilePredicate(parseExpression(text), { zone: utc }).select(batch, into)
    expect([...into.subarray(0, batch.count).keys()].filter((i) => into[i] === 1)).toEqual(expected)
    expect(into.subarray(0, batch.count).every((bit) => bit <= 1)).toBe(true)
    expect(into[batch.count]).toBe(7)
  })
})

test('predicates that depend only on the priority do not parse headers', () => {
  const batch = twoRuns()
  const into = new Uint8Array(batch.count)
  for (const text of ['severity:>=err', 'auth.*', '-facility:mail (severity:err OR severity:info)', '*']) {
    compilePredicate(parseExpression(text)).select(batch, into)
    expect(batch.headers).toBeUndefined()
  }
  compilePredicate(parseExpression('severity:emerg failed')).select(batch, into)
  expect(batch.headers, 'no message is left for the word').toBeUndefined()
  compilePredicate(parseExpression('failed')).select(batch, into)
  expect(batch.headers).toBeDefined()
})

test('priorities are the same with and without parsed headers', () => {
  const [plain, parsed] = [twoRuns(), twoRuns()]
  const all = compilePredicate(parseExpression('host:*'))
  all.select(parsed, new Uint8Array(parsed.count))
  for (let severity = 0; severity < 8; severity += 1) {
    const predicate = compilePredicate(parseExpression(`severity:${severity}`))
    const [a, b] = [new Uint8Array(plain.count), new Uint8Array(plain.count)]
    predicate.select(plain, a)
    predicate.select(parsed, b)
    expect(a).toEqual(b)
  }
})

test('a predicate can be used for batches of any size', () => {
  const predicate = compilePredicate(parseExpression('a -(b OR c) OR severity:err -d'))
  for (const count of [1, 5000, 3]) {
    const texts = Array.from({ length: count }, (_, i) =>
      i % 2 === 0 ? '<13>Oct 11 22:14:15 h p: a' : '<13>Oct 11 22:14:15 h p: a b',
    )
    const into = new Uint8Array(count)
    predicate.select(batchOf(texts, [{ count, origin: network }]), into)
    expect(into).toEqual(Uint8Array.from(texts, (_, i) => (i % 2 === 0 ? 1 : 0)))
  }
})

test('a message without a pid has no number, whatever byte the memory begins with', () => {
  const batch = batchOf(['- a list', '<13>Oct 11 22:14:15 web-1 su[7]: x'], [{ count: 2, origin: network }])
  const selected = new Uint8Array(2)
  compilePredicate(parseExpression('pid:<100')).select(batch, selected)
  expect([...selected]).toEqual([0, 1])
})
