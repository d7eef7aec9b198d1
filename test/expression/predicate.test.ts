import { describe, expect, test } from 'vitest'
import { parseExpression } from '../../common/expression/parse.ts'
import { compilePredicate } from '../../common/expression/predicate.ts'
import { facilityCode, severityCode } from '../../common/message/priority.ts'
import { utc } from '../../common/message/zone.ts'
import { RECEIVED, rowsOf, type Sample } from './rows.ts'

/** Whether the expression selects the message. */
function selects(expression: string, sample: Sample): boolean {
  const open = new Uint8Array([1])
  compilePredicate(parseExpression(expression), { zone: utc }).narrow(rowsOf([sample]), open)
  return open[0] === 1
}

function priority(text: string): number {
  const [facility, severity] = text.split('.')
  return facilityCode(facility)! * 8 + severityCode(severity)!
}

/** An expression, messages that it selects, and messages that it does not select. */
type Case = [expression: string, yes: Sample[], no: Sample[]]

const at = (text: string): Sample => ({ priority: priority(text) })
const says = (message: string): Sample => ({ message })

describe('priority', () => {
  const cases: Case[] = [
    ['severity:err', [at('mail.err')], [at('mail.crit'), at('mail.warning')]],
    ['severity:>=err', [at('mail.err'), at('mail.emerg')], [at('mail.warning'), at('mail.debug')]],
    ['severity:>err', [at('mail.crit')], [at('mail.err')]],
    ['severity:<=err', [at('mail.err'), at('mail.debug')], [at('mail.crit')]],
    ['severity:<err', [at('mail.warning')], [at('mail.err')]],
    ['severity:warning..err', [at('mail.err'), at('mail.warning')], [at('mail.crit'), at('mail.notice')]],
    ['severity:err..warning', [at('mail.err'), at('mail.warning')], [at('mail.crit'), at('mail.notice')]],
    ['severity:emerg,debug', [at('mail.emerg'), at('mail.debug')], [at('mail.info')]],
    ['severity:=err', [at('mail.err')], [at('mail.crit')]],
    ['severity:*', [at('mail.err')], []],
    ['severity:/^e/', [at('mail.err'), at('mail.emerg')], [at('mail.info')]],
    ['facility:auth,authpriv', [at('auth.info'), at('authpriv.info')], [at('mail.info')]],
    ['facility:local*', [at('local0.info'), at('local7.info')], [at('lpr.info')]],
    ['facility:LOCAL?', [at('local0.info')], [at('lpr.info')]],
    ['facility:local2..local4', [at('local2.info'), at('local4.info')], [at('local1.info'), at('local5.info')]],
    ['-facility:mail severity:>=err', [at('news.err')], [at('mail.err'), at('news.info')]],
    ['facility:mail OR severity:emerg', [at('mail.debug'), at('news.emerg')], [at('news.err')]],
    ['auth,authpriv.*;mail.none;*.=info', [at('auth.debug'), at('mail.info')], [at('mail.err'), at('news.err')]],
    ['*.*', [at('kern.debug')], []],
    ['mail.!info', [], [at('mail.emerg'), at('mail.debug'), at('news.info')]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))
})

describe('words and phrases', () => {
  const cases: Case[] = [
    ['failed', [says('Failed password'), says('it FAILED')], [says('fail'), says('')]],
    ['Failed', [says('Failed password')], [says('failed password'), says('FAILED')]],
    ['"d p"', [says('Failed Password')], [says('failed  password')]],
    ['failed root', [says('root failed')], [says('failed'), says('root')]],
    ['failed OR root', [says('root'), says('failed')], [says('toor')]],
    ['-failed', [says('root'), says('')], [says('failed')]],
    ['a (b OR c)', [says('a c'), says('b a')], [says('a'), says('b c')]],
    ['x', [says('X'), says('ax')], [says('a')]],
    ['müller', [says('Herr MÜLLER'), says('müller')], [says('muller'), says('Mu\u0308ller')]],
    ['MÜLLER', [says('MÜLLER')], [says('müller')]],
    ['straße', [says('STRAßE'), says('Straße')], [says('STRASSE')]],
    ['ошибка', [says('Ошибка'), says('ОШИБКА')], [says('ошибки')]],
    ['"100%"', [says('at 100% now')], [says('at 100')]],
    ['aab', [says('aaab'), says('aaAaB')], [says('aa b'), says('aba')]],
    ['*', [says(''), says('x')], []],
    ['message:failed', [says('it Failed')], [says('fail')]],
    ['message:=failed', [says('failed'), says('FAILED')], [says('it failed')]],
    ['message:fail*d', [says('failed'), says('Fail, he said')], [says('it failed')]],
    ['message:*', [says('x')], [says('')]],
    ['message:""', [says('')], [says('x')]],
    ['message:a,b', [says('xax'), says('b')], [says('c')]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))

  test('a word is searched for in the message only', () => {
    check('needle', [], [{ host: 'needle', program: 'needle', pid: 'needle', msgid: 'needle', sd: '[needle]' }])
    check('a1', [], [says('x'), says('a'), says('1')])
  })
})

describe('regular expressions', () => {
  const cases: Case[] = [
    ['/invalid user \\w+/', [says('for invalid user bob')], [says('invalid user '), says('Invalid user bob')]],
    ['/INVALID/i', [says('invalid')], [says('valid')]],
    ['/^a.*z$/', [says('a to z'), says('x\na z')], [says('xa z')]],
    ['/[[:digit:]]{3}/', [says('x123')], [says('x12')]],
    ['/\\d\\d/', [says('12')], [says('dd')]],
    ['/a\\/b/', [says('a/b')], [says('a b')]],
    ['/^$/', [says('')], [says('x')]],
    ['message:/^b/', [says('b')], [says('ab')]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))
})

describe('header fields', () => {
  const cases: Case[] = [
    ['host:web-1', [{ host: 'web-1' }, { host: 'WEB-1' }], [{ host: 'web-10' }, { host: 'aweb-1' }, {}]],
    ['host:Web-*', [{ host: 'web-' }, { host: 'web-9' }], [{ host: 'web' }]],
    ['host:web-?', [{ host: 'web-1' }, { host: 'web-ü' }], [{ host: 'web-' }, { host: 'web-12' }]],
    ['host:*a*b*', [{ host: 'ab' }, { host: 'xaxbx' }], [{ host: 'ba' }]],
    ['host:/^web/', [{ host: 'web' }], [{ host: 'WEB' }, { host: 'aweb' }]],
    ['host:a,b', [{ host: 'a' }, { host: 'b' }], [{ host: 'c' }]],
    ['host:"a*"', [{ host: 'a*' }], [{ host: 'ab' }]],
    ['host:a\\*', [{ host: 'a*' }], [{ host: 'ab' }]],
    ['program:sshd', [{ program: 'sshd' }], [{ program: 'SSHD' }, { program: 'ssh' }, {}]],
    ['program:ssh*,su', [{ program: 'su' }, { program: 'ssh' }], [{ program: 'sudo' }]],
    ['program:*', [{ program: 'x' }], [{}]],
    ['-program:cron', [{ program: 'x' }, {}], [{ program: 'cron' }]],
    ['program:""', [{}], [{ program: 'x' }]],
    ['program:/x*/', [{ program: 'y' }], [{}]],
    ['pid:42', [{ pid: '42' }], [{ pid: '4' }, { pid: '420' }, {}]],
    ['pid:>=100', [{ pid: '100' }, { pid: '1000' }], [{ pid: '99' }, { pid: 'x' }, { pid: '100x' }, {}]],
    ['pid:<100', [{ pid: '99' }, { pid: '-5' }], [{ pid: '100' }, { pid: '' }, { pid: '-' }]],
    [
      'pid:9..1',
      [{ pid: '1' }, { pid: '9' }, { pid: '3.5' }],
      [{ pid: '0' }, { pid: '10' }, { pid: '3.' }, { pid: '1.2.3' }],
    ],
    ['msgid:ID4?', [{ msgid: 'ID47' }], [{ msgid: 'ID4' }, { msgid: 'id47' }]],
    ['source:net*', [{ origin: { source: 'network' } }], [{ origin: { source: 'local' } }]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))
})

describe('fields taken from the origin', () => {
  const cases: Case[] = [
    ['host:fallback', [{}, { raw: true }], [{ host: 'own' }]],
    ['host:own', [{ host: 'own' }], [{ host: 'own', origin: { hostForced: true } }]],
    ['host:fallback', [{ host: 'own', origin: { hostForced: true } }], []],
    ['host:*', [{}], [{ origin: { host: '' } }]],
    ['program:stand-in', [{ raw: true }], [{}, { raw: true, program: 'own' }, { raw: true, origin: { program: '' } }]],
    ['-program:*', [{}, { raw: true, origin: { program: '' } }], [{ raw: true }]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))
})

describe('peers', () => {
  const peer = (peer: string): Sample => ({ origin: { peer } })
  const cases: Case[] = [
    ['from:10.0.0.0/8', [peer('10.1.2.3'), peer('::ffff:10.1.2.3')], [peer('11.0.0.1'), peer('::1'), {}]],
    ['from:192.0.2.0/25', [peer('192.0.2.127')], [peer('192.0.2.128')]],
    ['from:0.0.0.0/0', [peer('1.2.3.4')], [peer('2001:db8::1')]],
    ['from:192.0.2.7', [peer('192.0.2.7')], [peer('192.0.2.70')]],
    ['from:2001:db8::/32', [peer('2001:db8:ffff::1'), peer('2001:0DB8::1')], [peer('2001:db9::1')]],
    ['from:::1', [peer('::1'), peer('0:0:0:0:0:0:0:1')], [peer('::2')]],
    ['from:fe80::1', [peer('fe80::1%eth0')], [peer('fe80::2')]],
    ['from:10.1.*', [peer('10.1.2.3')], [peer('10.2.1.3')]],
    ['from:10.0.0.9..10.0.0.2', [peer('10.0.0.2'), peer('10.0.0.9')], [peer('10.0.0.1'), peer('10.0.0.10')]],
    ['from:>=10.0.0.9', [peer('10.0.0.9'), peer('10.0.0.10')], [peer('10.0.0.8')]],
    ['from:*', [peer('::1')], [{}]],
    ['-from:10.0.0.0/8', [peer('::1'), {}], [peer('10.0.0.1')]],
    ['from:10.0.0.1,10.0.0.2', [peer('10.0.0.2')], [peer('10.0.0.3')]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))
})

describe('structured data', () => {
  const sd = (sd: string): Sample => ({ sd })
  const cases: Case[] = [
    [
      'sd.a@1.k:v',
      [sd('[a@1 k="v"]'), sd('[b][a@1 x="1" k="v"]')],
      [sd('[a@1 k="w"]'), sd('[b k="v"]'), sd('[a@1 K="v"]'), {}],
    ],
    ['sd.a.k:2', [sd('[a k="1" k="2"]')], [sd('[a k="1"][b k="2"]')]],
    // More blanks than RFC 5424 allows, which the header parser accepts.
    ['sd.a.k:v', [sd('[a   k="v"]'), sd('[a x="1"  k="v" ]')], [sd('[a x="1"   ]'), sd('[a   ][b   k="v"]')]],
    ['sd.a.z:v', [sd('[a k="1" ][a z="v"]'), sd('[a k="1"z="v"]')], [sd('[a k="1"  ][b z="v"]')]],
    ['sd.a.k:"x\\"y"', [sd('[a k="x\\"y"]')], [sd('[a k="xy"]')]],
    ['sd.a.k:]\\\\', [sd('[a k="\\]\\\\"]')], [sd('[a k="\\]"]')]],
    ['sd.a.k:\\n', [sd('[a k="\\n"]')], [sd('[a k="n"]')]],
    ['sd.b.k:v', [sd('[a x="[b k=\\"v\\"]"][b k="v"]')], [sd('[a x="[b k=\\"v\\"]"]')]],
    ['sd.a.k:*', [sd('[a k=""]'), sd('[a k="x"]')], [sd('[a]'), sd('[a kk="x"]')]],
    ['sd.a.k:""', [sd('[a k=""]')], [sd('[a k="x"]'), sd('[a]')]],
    ['sd.a:*', [sd('[a]'), sd('[b x="a"][a k="1"]')], [sd('[aa]'), sd('[b x="[a]"]')]],
    ['sd.a.k:>=10', [sd('[a k="10"]')], [sd('[a k="9"]'), sd('[a k="x"]')]],
    ['sd.a.k:v*', [sd('[a k="vw"]')], [sd('[a k="wv"]')]],
    // Truncated anywhere: nothing is found, and nothing is read beyond the end.
    ['sd.a.k:v', [], [sd('[a k="v'), sd('[a k='), sd('[a k'), sd('[a '), sd('['), sd('[a k="v\\')].slice(1)],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))

  test('a value with escapes may be of any length', () => {
    const long = 'x'.repeat(1000)
    check(`sd.a.k:${long}]z`, [sd(`[a k="${long}\\]z"]`)], [sd(`[a k="${long}\\]y"]`)])
  })
})

describe('times', () => {
  const HOUR = 3600e6
  const time = (offset: number): Sample => ({ time: RECEIVED + offset })
  const cases: Case[] = [
    ['since:2h', [time(-2 * HOUR), time(0)], [time(-2 * HOUR - 1)]],
    ['until:2h', [time(-2 * HOUR), time(-3 * HOUR)], [time(-2 * HOUR + 1)]],
    ['since:2026-11-20', [time(-10 * HOUR)], [time(-10 * HOUR - 1)]],
    ['since:today until:"2026-11-20 09:00"', [time(-HOUR)], [time(-HOUR + 1), time(-11 * HOUR)]],
    // Without a time, or dated more than an hour ahead, the time of receipt counts.
    ['since:1h', [{}, time(5 * HOUR)], [{ received: RECEIVED - 2 * HOUR }]],
    ['until:now', [{}, time(HOUR + 1)], [time(HOUR)]],
    ['-since:1h', [time(-2 * HOUR)], [time(0)]],
  ]
  test.each(cases)('%s', (expression, yes, no) => check(expression, yes, no))
})

test('`always` is set for predicates with a constant result', () => {
  const always = (text: string) => compilePredicate(parseExpression(text)).always
  expect(always('*')).toBe(true)
  expect(always('*.*')).toBe(true)
  expect(always('-*')).toBe(false)
  expect(always('mail.!info')).toBe(false)
  expect(always('severity:err severity:info')).toBe(false)
  expect(always('severity:>=err OR severity:<err')).toBe(true)
  expect(always('word OR *')).toBe(true)
  expect(always('word -*')).toBe(false)
  expect(always('severity:err')).toBeUndefined()
  expect(always('word')).toBeUndefined()
})

test('closed rows stay closed', () => {
  const rows = rowsOf([says('a'), says('a'), says('b')])
  for (const expression of ['a', 'a OR c', '-b', 'host:fallback a', 'source:network', '*', 'severity:notice']) {
    const open = new Uint8Array([1, 0, 1, 7])
    compilePredicate(parseExpression(expression)).narrow(rows, open)
    expect([open[0], open[1], open[3]]).toEqual([1, 0, 7])
  }
})

function check(expression: string, yes: Sample[], no: Sample[]): void {
  for (const sample of yes) expect(selects(expression, sample), JSON.stringify(sample)).toBe(true)
  for (const sample of no) expect(selects(expression, sample), JSON.stringify(sample)).toBe(false)
}
