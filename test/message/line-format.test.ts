import { describe, expect, test } from 'vitest'
import { lineFormat, type LineFormatName } from '../../common/message/line-format.ts'
import { Output } from '../../common/message/output.ts'
import { zoneNamed } from '../../common/message/zone.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { RECEIVED } from './fields.ts'

function line(name: LineFormatName, message: string | Buffer, given: Partial<Origin> = {}, first?: number): string {
  const batch = batchOf([message], originOf(given), RECEIVED, first)
  const output = new Output()
  lineFormat(name).write(batch, 0, batch.runs[0], output)
  return output.written.toString()
}

const su = "<34>Oct 11 22:14:15 mymachine su[230]: 'su root' failed"
const evntslog = '<165>1 2003-10-11T22:14:15.003Z mymachine evntslog 8710 ID47 [x@32473 iut="3"] An event'

const LINES: readonly [format: LineFormatName, message: string, line: string][] = [
  ['iso', su, "2026-10-11T22:14:15.000000+00:00 mymachine su[230]: 'su root' failed"],
  ['traditional', su, "Oct 11 22:14:15 mymachine su[230]: 'su root' failed"],
  ['rfc3164', su, "<34>Oct 11 22:14:15 mymachine su[230]: 'su root' failed"],
  ['rfc5424', su, "<34>1 2026-10-11T22:14:15.000000+00:00 mymachine su 230 - - 'su root' failed"],
  ['raw', su, su],
  ['iso', evntslog, '2003-10-11T22:14:15.003000+00:00 mymachine evntslog[8710]: An event'],
  ['traditional', evntslog, 'Oct 11 22:14:15 mymachine evntslog[8710]: An event'],
  ['rfc3164', evntslog, '<165>Oct 11 22:14:15 mymachine evntslog[8710]: An event'],
  [
    'rfc5424',
    evntslog,
    '<165>1 2003-10-11T22:14:15.003000+00:00 mymachine evntslog 8710 ID47 [x@32473 iut="3"] An event',
  ],
  ['iso', '<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!', '2026-02-05T17:32:18.000000+00:00 10.0.0.99 Use the BFG!'],
  ['traditional', '<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!', 'Feb  5 17:32:18 10.0.0.99 Use the BFG!'],
  ['rfc5424', '<14>1 - - - - - -', '<14>1 2026-11-23T12:00:00.000000+00:00 192.0.2.7 - - - -'],
  ['iso', 'no header at all', '2026-11-23T12:00:00.000000+00:00 192.0.2.7 no header at all'],
  ['rfc5424', 'no header at all', '<13>1 2026-11-23T12:00:00.000000+00:00 192.0.2.7 - - - - no header at all'],
  ['iso', '<13>Oct 11 22:14:15 h prog:tight', '2026-10-11T22:14:15.000000+00:00 h prog: tight'],
  ['iso', '<13>Oct 11 22:14:15 +0200 h p: m', '2026-10-11T22:14:15.000000+02:00 h p: m'],
  ['iso', '<13>1 2003-10-11T22:14:15.123456-03:30 h a - - - x', '2003-10-11T22:14:15.123456-03:30 h a: x'],
  ['traditional', '<13>1 2003-10-11T22:14:15.1-03:30 h a - - - x', 'Oct 11 22:14:15 h a: x'],
  ['iso', '<13>Oct 11 22:14:15 h p[a\nb]: c\r\0d', '2026-10-11T22:14:15.000000+00:00 h p[a#012b]: c#015#000d'],
  ['iso', '<13>Oct 11 22:14:15 h\nx p: m', '2026-10-11T22:14:15.000000+00:00 h#012x p: m'],
  ['rfc3164', '<13>Oct 11 22:14:15 h p: a\nb', '<13>Oct 11 22:14:15 h p: a#012b'],
  ['traditional', '<13>1 - h\n a\r p\0 m - x\ny', 'Nov 23 12:00:00 h#012 a#015[p#000]: x#012y'],
  [
    'rfc5424',
    '<13>1 - h\n a\r p\0 m\n [x y="\n"] z\n',
    '<13>1 2026-11-23T12:00:00.000000+00:00 h#012 a#015 p#000 m#012 [x y="#012"] z#012',
  ],
  ['iso', '<13>Oct 11 22:14:15 h p: tab\tand \x0b \x0c', '2026-10-11T22:14:15.000000+00:00 h p: tab\tand \x0b \x0c'],
]

describe('lines', () => {
  test.each(LINES)('%s of %j', (format, message, expected) => {
    expect(line(format, message)).toBe(expected)
  })
})

describe('defaults of the source', () => {
  const file = { lines: 'text', host: Buffer.from('web-1'), program: Buffer.from('app'), priority: 134 } as const

  test('a line without a header gets the program and host of the source', () => {
    expect(line('iso', 'GET /', file)).toBe('2026-11-23T12:00:00.000000+00:00 web-1 app: GET /')
    expect(line('rfc3164', 'GET /', file)).toBe('<134>Nov 23 12:00:00 web-1 app: GET /')
    expect(line('rfc5424', 'GET /', file)).toBe('<134>1 2026-11-23T12:00:00.000000+00:00 web-1 app - - - GET /')
  })

  test('a program name from outside, such as the name of a file, cannot break a line or a column', () => {
    const program = Buffer.from('a\nb c')
    expect(line('iso', 'm', { ...file, program })).toBe('2026-11-23T12:00:00.000000+00:00 web-1 a#012b c: m')
    expect(line('rfc5424', 'm', { ...file, program })).toContain(' web-1 a_b_c - - - m')
  })

  test('keep_host: false replaces the host with the address of the sender', () => {
    const forced = { hostForced: true }
    expect(line('iso', su, forced)).toContain(' 192.0.2.7 su[230]: ')
    expect(line('rfc5424', evntslog, forced)).toContain(' 192.0.2.7 evntslog 8710 ')
    expect(line('raw', su, forced)).toBe(su)
  })

  test('a message without a time is written with its time of receipt at the first hop', () => {
    const first = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 6
    expect(line('iso', 'x', {}, first)).toContain('2026-01-02T03:04:05.000006+00:00 ')
  })

  test('times without a zone are written with that of the source', () => {
    const zone = zoneNamed('Europe/Paris')!
    expect(line('iso', '<13>Jul  1 14:00:00 h p: m', { zone })).toBe('2026-07-01T14:00:00.000000+02:00 h p: m')
  })
})

test('a line with a newline at any position is written completely, with the newline escaped', () => {
  for (let at = 0; at < 40; at += 1) {
    const text = `${'x'.repeat(at)}\n${'y'.repeat(40 - at)}`
    expect(line('traditional', `<13>Oct 11 22:14:15 h p: ${text}`)).toBe(
      `Oct 11 22:14:15 h p: ${text.replace('\n', '#012')}`,
    )
  }
})

test('json has the documented keys, in their order', () => {
  const object = JSON.parse(line('json', evntslog, { peer: '192.0.2.7' }))
  expect(Object.entries(object)).toEqual([
    ...[
      ['facility', 'local4'],
      ['severity', 'notice'],
      ['time', '2003-10-11T22:14:15.003000Z'],
      ['host', 'mymachine'],
    ],
    ...[
      ['program', 'evntslog'],
      ['pid', '8710'],
      ['msgid', 'ID47'],
      ['sd', { 'x@32473': { iut: '3' } }],
    ],
    ...[
      ['message', 'An event'],
      ['format', 'rfc5424'],
      ['defects', []],
      ['received', '2026-11-23T12:00:00.000000Z'],
    ],
    ...[
      ['from', '192.0.2.7'],
      ['source', 'network'],
    ],
  ])
})

test('json has the original bytes of a message that is not UTF-8 in `raw`', () => {
  const message = Buffer.concat([Buffer.from('<13>Oct 11 22:14:15 h p: '), Buffer.from([0xff, 0x61])])
  const object = JSON.parse(line('json', message))
  expect(object).toMatchObject({ message: '\ufffda', raw: message.toString('base64') })
})

test('json: values of structured data are unescaped, even if spaces are missing between parameters', () => {
  const object = JSON.parse(line('json', '<13>1 - h a p m [x y="\\"\\\\\\]"z="2"][__proto__ a="b" ] m'))
  expect(JSON.stringify(object.sd)).toBe('{"x":{"y":"\\"\\\\]","z":"2"},"__proto__":{"a":"b"}}')
})

test('json: a value of structured data as long as the largest message is complete', () => {
  const value = 'x'.repeat(16 * 1024 * 1024 - 100)
  const object = JSON.parse(line('json', `<13>1 - h a p m [x y="${value}"] m`))
  expect(object.sd.x.y.length).toBe(value.length)
})
