import { describe, expect, test } from 'vitest'
import type { Expression } from '../../common/expression/ast.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { ExpressionFault } from '../../common/expression/problem.ts'
import { formatExpression } from './format.ts'

const text = (text: string): Expression => ({ kind: 'text', text })
const and = (...parts: Expression[]): Expression => ({ kind: 'and', parts })
const or = (...parts: Expression[]): Expression => ({ kind: 'or', parts })
const not = (part: Expression): Expression => ({ kind: 'not', part })

describe('words, phrases and their combinations', () => {
  const cases: [string, Expression][] = [
    ['', { kind: 'all' }],
    ['  ', { kind: 'all' }],
    ['*', { kind: 'all' }],
    ['word', text('word')],
    ['two words', and(text('two'), text('words'))],
    ['"two words"', text('two words')],
    ["'two words'", text('two words')],
    ['"a \\"quote\\" and \\\\ and \\n"', text('a "quote" and \\ and \\n')],
    ["it's", text("it's")],
    ['C:\\dir', text('C:\\dir')],
    ['a AND b', and(text('a'), text('b'))],
    ['a OR b', or(text('a'), text('b'))],
    ['a or b', and(text('a'), text('or'), text('b'))],
    ['a not b and c', and(text('a'), text('not'), text('b'), text('and'), text('c'))],
    ['a b OR c d', or(and(text('a'), text('b')), and(text('c'), text('d')))],
    ['a (b OR c) d', and(text('a'), or(text('b'), text('c')), text('d'))],
    ['(a)', text('a')],
    ['((a b))', and(text('a'), text('b'))],
    ['a(b)c', and(text('a'), text('b'), text('c'))],
    ['-a', not(text('a'))],
    ['!a', not(text('a'))],
    ['NOT a', not(text('a'))],
    ['NOT NOT a', not(not(text('a')))],
    ['NOT -a', not(not(text('a')))],
    ['-(a OR b) c', and(not(or(text('a'), text('b'))), text('c'))],
    ['NOT a b', and(not(text('a')), text('b'))],
    ['-"a b"', not(text('a b'))],
    ['NOT a OR b', or(not(text('a')), text('b'))],
    ['a-b', text('a-b')],
    ['a!', text('a!')],
    ['"AND"', text('AND')],
    ['fail*', text('fail*')],
    ['ORDER ANDROID NOTE', and(text('ORDER'), text('ANDROID'), text('NOTE'))],
    // Colons that are not after a field.
    ['10:30:45', text('10:30:45')],
    ['error: disk', and(text('error:'), text('disk'))],
    ['std::string', text('std::string')],
    ['::1', text('::1')],
    ['https://example.com/x', text('https://example.com/x')],
    ['main.c:42', text('main.c:42')],
    ['user=root', text('user=root')],
    ['eth0: up', and(text('eth0:'), text('up'))],
    // Selectors in quotes or between words are text.
    ['"kern.err"', text('kern.err')],
    ['kern.err x', and(text('kern.err'), text('x'))],
    ['(kern.err)', text('kern.err')],
    ['example.com', text('example.com')],
    ['3.5', text('3.5')],
    ['/a/ not found', and({ kind: 'regex', pattern: 'a', ignoreCase: false }, text('not'), text('found'))],
    ['failed or /a/', and(text('failed'), text('or'), { kind: 'regex', pattern: 'a', ignoreCase: false })],
    ['host:a "or"', and({ kind: 'field', field: 'host', values: [{ kind: 'text', text: 'a' }] }, text('or'))],
  ]
  test.each(cases)('%s', (source, expected) => expect(parseExpression(source)).toEqual(expected))
})

describe('regular expressions', () => {
  const cases: [string, string, boolean][] = [
    ['/a b/', 'a b', false],
    ['/a/i', 'a', true],
    ['/a\\/b/', 'a/b', false],
    ['/\\w+ \\[x\\]/', '\\w+ \\[x\\]', false],
    ['/[/]x/', '[/]x', false],
    ['/[^]/]x/', '[^]/]x', false],
    ['/[[:alpha:]/]x/', '[[:alpha:]/]x', false],
    ['/[\\/]x/', '[/]x', false],
    ['/[\\]x/', '[\\]x', false],
    ['/\\\\/', '\\\\', false],
    ['/(a|b)/', '(a|b)', false],
    ['/"/', '"', false],
  ]
  test.each(cases)('%s', (source, pattern, ignoreCase) => {
    expect(parseExpression(source)).toEqual({ kind: 'regex', pattern, ignoreCase })
  })
  test('can be followed by other terms', () => {
    const regex: Expression = { kind: 'regex', pattern: 'a', ignoreCase: false }
    expect(parseExpression('(/a/) -/a/ x')).toEqual(and(regex, not(regex), text('x')))
  })
})

describe('fields', () => {
  const cases: [string, object][] = [
    ['severity:err', { field: 'severity', values: [{ kind: 'text', text: 'err' }] }],
    [
      'severity:Error,3',
      {
        field: 'severity',
        values: [
          { kind: 'text', text: 'err' },
          { kind: 'text', text: 'err' },
        ],
      },
    ],
    ['severity:>=err', { field: 'severity', values: [{ kind: 'compare', comparison: '>=', text: 'err' }] }],
    ['severity:<warn', { field: 'severity', values: [{ kind: 'compare', comparison: '<', text: 'warning' }] }],
    ['severity:warning..err', { field: 'severity', values: [{ kind: 'range', from: 'warning', to: 'err' }] }],
    ['severity:=panic', { field: 'severity', values: [{ kind: 'text', text: 'emerg' }] }],
    ['SEVERITY:err', { field: 'severity', values: [{ kind: 'text', text: 'err' }] }],
    ['facility:security', { field: 'facility', values: [{ kind: 'text', text: 'auth' }] }],
    ['facility:local*', { field: 'facility', values: [{ kind: 'glob', pattern: 'local*' }] }],
    ['facility:local0..local7', { field: 'facility', values: [{ kind: 'range', from: 'local0', to: 'local7' }] }],
    ['host:web-*', { field: 'host', values: [{ kind: 'glob', pattern: 'web-*' }] }],
    ['host:"web-*"', { field: 'host', values: [{ kind: 'text', text: 'web-*' }] }],
    ['host:=web-*', { field: 'host', values: [{ kind: 'text', text: 'web-*' }] }],
    ['host:web-\\*', { field: 'host', values: [{ kind: 'text', text: 'web-*' }] }],
    ['host:*', { field: 'host', values: [{ kind: 'exists' }] }],
    [
      'host:/^web/i,db',
      {
        field: 'host',
        values: [
          { kind: 'regex', pattern: '^web', ignoreCase: true },
          { kind: 'text', text: 'db' },
        ],
      },
    ],
    [
      'program:sshd,su',
      {
        field: 'program',
        values: [
          { kind: 'text', text: 'sshd' },
          { kind: 'text', text: 'su' },
        ],
      },
    ],
    [
      'program:"(sd-pam)",x',
      {
        field: 'program',
        values: [
          { kind: 'text', text: '(sd-pam)' },
          { kind: 'text', text: 'x' },
        ],
      },
    ],
    ['program:""', { field: 'program', values: [{ kind: 'text', text: '' }] }],
    ['program:a/b', { field: 'program', values: [{ kind: 'text', text: 'a/b' }] }],
    ['program:-x', { field: 'program', values: [{ kind: 'text', text: '-x' }] }],
    ['pid:>=1000', { field: 'pid', values: [{ kind: 'compare', comparison: '>=', text: '1000' }] }],
    ['pid:1..99', { field: 'pid', values: [{ kind: 'range', from: '1', to: '99' }] }],
    ['msgid:ID47', { field: 'msgid', values: [{ kind: 'text', text: 'ID47' }] }],
    ['msgid:a..b', { field: 'msgid', values: [{ kind: 'text', text: 'a..b' }] }],
    ['message:word', { field: 'message', values: [{ kind: 'text', text: 'word' }] }],
    ['message:=word', { field: 'message', values: [{ kind: 'equal', text: 'word' }] }],
    ['message:a..b', { field: 'message', values: [{ kind: 'text', text: 'a..b' }] }],
    ['from:10.0.0.0/8', { field: 'from', values: [{ kind: 'text', text: '10.0.0.0/8' }] }],
    [
      'from:2001:db8::/32,::1',
      {
        field: 'from',
        values: [
          { kind: 'text', text: '2001:db8::/32' },
          { kind: 'text', text: '::1' },
        ],
      },
    ],
    ['from:10.1.*', { field: 'from', values: [{ kind: 'glob', pattern: '10.1.*' }] }],
    ['from:10.0.0.1..10.0.0.9', { field: 'from', values: [{ kind: 'range', from: '10.0.0.1', to: '10.0.0.9' }] }],
    ['source:network', { field: 'source', values: [{ kind: 'text', text: 'network' }] }],
    ['sd.origin.ip:192.0.2.1', { field: { id: 'origin', param: 'ip' }, values: [{ kind: 'text', text: '192.0.2.1' }] }],
    [
      'sd.x@32473.1.iut:>=3',
      { field: { id: 'x@32473.1', param: 'iut' }, values: [{ kind: 'compare', comparison: '>=', text: '3' }] },
    ],
    ['sd.meta:*', { field: { id: 'meta' }, values: [{ kind: 'exists' }] }],
    ['sd.Meta.sequenceId:*', { field: { id: 'Meta', param: 'sequenceId' }, values: [{ kind: 'exists' }] }],
  ]
  test.each(cases)('%s', (source, expected) => expect(parseExpression(source)).toEqual({ kind: 'field', ...expected }))

  test('can be negated like words', () => {
    const cron: Expression = { kind: 'field', field: 'program', values: [{ kind: 'text', text: 'cron' }] }
    expect(parseExpression('-program:cron !program:cron NOT program:cron')).toEqual(
      and(not(cron), not(cron), not(cron)),
    )
  })
  test('filter: has the name and its place', () => {
    expect(parseExpression('-filter:urgent')).toEqual(not({ kind: 'filter', name: 'urgent', start: 8, end: 14 }))
  })
  test('since: and until: keep the time as it was written', () => {
    const time = { kind: 'ago', us: 7200e6 } as const
    expect(parseExpression('since:2h')).toEqual({ kind: 'since', text: '2h', time })
    expect(parseExpression('until:"2 hours ago"')).toEqual({ kind: 'until', text: '2 hours ago', time })
  })
  test('the example in the manual', () => {
    const source =
      'severity:>=err host:web-* program:sshd,su "Failed password" -user /invalid user \\w+/ (a OR b) from:10.0.0.0/8'
    expect(formatExpression(parseExpression(source))).toBe(
      'severity:>=err host:web-* program:sshd,su "Failed password" -user /invalid user \\w+/ (a OR b) from:"10.0.0.0/8"',
    )
  })
})

describe('mistakes are reported with their place and a suggestion', () => {
  const cases: [string, [number, number, string, string?][]][] = [
    ['severty:err', [[0, 7, 'there is no field "severty" (quotes make it text)', 'severity']]],
    ['level:err x', [[0, 5, 'there is no field "level" (quotes make it text)', 'severity']]],
    ['a hots:web-1 b', [[2, 6, 'there is no field "hots" (quotes make it text)', 'host']]],
    ['colour:red', [[0, 6, 'there is no field "colour" (quotes make it text)']]],
    ['colour:"deep red" x', [[0, 6, 'there is no field "colour" (quotes make it text)']]],
    ['severity:eror', [[9, 13, 'there is no severity "eror"', 'err']]],
    ['severity:>=wraning', [[9, 18, 'there is no severity "wraning"', 'warning']]],
    ['severity:err..zzz', [[9, 17, 'there is no severity "zzz"']]],
    ['facility:local9', [[9, 15, 'there is no facility "local9"', 'local0']]],
    ['facility:auth,lokal0', [[14, 20, 'there is no facility "lokal0"', 'local0']]],
    ['facility:x*', [[9, 11, 'no facility is like "x*"']]],
    ['program: x', [[0, 8, '"program:" needs a value; quotes make it text']]],
    ['program:', [[0, 8, '"program:" needs a value; quotes make it text']]],
    ['(program:)', [[1, 9, '"program:" needs a value; quotes make it text']]],
    ['program:a,', [[10, 11, 'a value is missing here']]],
    ['program:a,,b', [[10, 11, 'a value is missing here']]],
    ['program:>=a', [[8, 11, 'program has no order to compare by']]],
    ['host:a..b', [[5, 9, 'host has no order, so no ranges; quotes make it text']]],
    ['host:>=', [[5, 7, 'a value is missing here']]],
    ['pid:>=x', [[4, 7, '"x" is not a number to compare with']]],
    ['program:"a"b', [[11, 12, 'a blank is missing between the value and what follows']]],
    ['program:(a OR b)', [[8, 9, 'several values are joined by commas, without parentheses']]],
    ['from:nohost', [[5, 11, '"nohost" is not an address: write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32 or a glob']]],
    [
      'from:10.0.0.0/33',
      [[5, 16, '"10.0.0.0/33" is not an address: write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32 or a glob']],
    ],
    ['from:>=10.0.0.0/8', [[5, 17, '"10.0.0.0/8" is a network: only addresses have an order']]],
    ['from:web*', [[5, 9, 'no address is like "web*"']]],
    ['sd:x', [[0, 2, 'structured data is asked for as sd.ID.PARAM:value']]],
    ['sd.meta:x', [[0, 7, '"sd.meta" names an element: it takes only *, a value needs sd.ID.PARAM']]],
    [
      'since:soon',
      [[6, 10, '"soon" is not a time: write 2h, today, 2026-11-20, "2026-11-20 10:00" or 2026-11-20T10:00:00Z']],
    ],
    ['severity>=err', [[0, 13, 'a colon goes before the comparison; quotes make it text', 'severity:>=err']]],
    ['"open', [[0, 5, 'the quote is not closed']]],
    ['a "open', [[2, 7, 'the quote is not closed']]],
    ['""', [[0, 2, 'an empty text']]],
    ['"a"b', [[3, 4, 'a blank is missing between quoted text and what follows']]],
    [
      'key="a b"',
      [
        [0, 6, 'a quote inside a word: quote the whole of it, with \\" for the quote'],
        [7, 9, 'a quote inside a word: quote the whole of it, with \\" for the quote'],
      ],
    ],
    ['/open', [[0, 5, 'the regular expression is not closed by a slash; quotes make a path text']]],
    ['/var/log/x', [[0, 10, '"log/x" follows the regular expression: quotes make a path text, \\/ is a slash']]],
    ['/a/g', [[0, 4, '"g" follows the regular expression: quotes make a path text, \\/ is a slash']]],
    ['//', [[0, 2, 'an empty regular expression']]],
    ['(a', [[0, 1, 'the parenthesis is not closed']]],
    ['a)', [[1, 2, 'nothing is open that this could close']]],
    [
      'a) b)',
      [
        [1, 2, 'nothing is open that this could close'],
        [4, 5, 'nothing is open that this could close'],
      ],
    ],
    ['()', [[0, 2, 'there is nothing between the parentheses']]],
    ['a OR', [[2, 4, 'nothing follows OR; quotes make it text']]],
    ['OR a', [[0, 2, 'there is nothing before OR; quotes make it text']]],
    ['(a OR) b', [[3, 5, 'nothing follows OR; quotes make it text']]],
    ['a AND', [[2, 5, 'nothing follows AND; quotes make it text']]],
    ['AND a', [[0, 3, 'there is nothing before AND; quotes make it text']]],
    ['a NOT', [[2, 5, 'nothing follows NOT; quotes make it text']]],
    ['a - b', [[2, 3, '"-" negates nothing; quotes make it text']]],
    ['--verbose', [[0, 9, '"--verbose" negates nothing; quotes make it text']]],
    ['a && b', [[2, 4, 'there is no operator && (quotes make it text)', 'AND']]],
    ['(a || b)', [[3, 5, 'there is no operator || (quotes make it text)', 'OR']]],
    ['host:a or host:b', [[7, 9, 'the operator OR is in capitals (quotes make it text)', 'OR']]],
    ['host:a And (a OR b)', [[7, 10, 'the operator AND is in capitals (quotes make it text)', 'AND']]],
    ['not /re/', [[0, 3, 'the operator NOT is in capitals (quotes make it text)', 'NOT']]],
    [
      '*.err host:a -(mail.* OR *.=info)',
      [
        [0, 5, '*.err is a selector, which has to be the whole text (quotes make it text)', 'severity:>=err'],
        [15, 21, 'mail.* is a selector, which has to be the whole text (quotes make it text)'],
        [25, 32, '*.=info is a selector, which has to be the whole text (quotes make it text)', 'severity:info'],
      ],
    ],
    [
      'a auth.err;*.crit',
      [[2, 17, 'auth.err;*.crit is a selector, which has to be the whole text (quotes make it text)']],
    ],
    ['filter:"a"b', [[10, 11, 'a blank is missing between the name and what follows']]],
    ['mail.err;mial.crit', [[9, 13, 'there is no facility "mial"', 'mail']]],
    // All mistakes in a text at once, in their order.
    [
      'severty:err (a OR host:a..b "x',
      [
        [0, 7, 'there is no field "severty" (quotes make it text)', 'severity'],
        [12, 13, 'the parenthesis is not closed'],
        [23, 27, 'host has no order, so no ranges; quotes make it text'],
        [28, 30, 'the quote is not closed'],
      ],
    ],
  ]
  test.each(cases)('%s', (source, expected) => {
    const fault = faultOf(source)
    expect(fault.code).toBe('EXPRESSION_SYNTAX')
    expect(fault.text).toBe(source)
    const found = fault.problems.map(({ start, end, sentence, suggestion }) => {
      return suggestion === undefined ? [start, end, sentence] : [start, end, sentence, suggestion]
    })
    expect(found).toEqual(expected)
  })

  test.each(['('.repeat(100_000), 'NOT '.repeat(100_000) + 'x', '-('.repeat(100_000)])('depth is bounded', (source) => {
    expect(faultOf(source).problems.at(-1)?.sentence).toBe('more than 250 nested parentheses and NOTs')
  })

  test('the text of the fault has all mistakes', () => {
    expect(faultOf('severty:err "x').message).toBe(
      'EXPRESSION_SYNTAX: there is no field "severty" (quotes make it text); did you mean "severity"?; ' +
        'the quote is not closed',
    )
  })
})

function faultOf(source: string): ExpressionFault {
  try {
    parseExpression(source)
  } catch (error) {
    if (error instanceof ExpressionFault) return error
    throw error
  }
  throw new Error(`no fault in ${source}`)
}
