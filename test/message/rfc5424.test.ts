// The examples of RFC 5424 §6.5, and deviations of senders. The expected values are those of the RFC.

import { describe, expect, test } from 'vitest'
import { fieldsOf, type Fields } from './fields.ts'

const sd = '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'
const priority = '[examplePriority@32473 class="high"]'

const MEANT: readonly [what: string, message: string, fields: Partial<Fields>][] = [
  [
    'example 1: no structured data',
    "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8",
    {
      ...{ pri: 34, format: 'rfc5424', time: '2003-10-11T22:14:15.003Z', host: 'mymachine.example.com', program: 'su' },
      ...{ msgid: 'ID47', message: "'su root' failed for lonvick on /dev/pts/8" },
    },
  ],
  [
    'example 2: microseconds and an offset, a PROCID',
    "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
    {
      ...{ pri: 165, time: '2003-08-24T12:14:15.000Z', zone: -420, host: '192.0.2.1', program: 'myproc', pid: '8710' },
      ...{ message: "%% It's time to make the do-nuts." },
    },
  ],
  [
    'example 3: structured data',
    `<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ${sd} \ufeffAn application event log entry...`,
    { program: 'evntslog', msgid: 'ID47', sd, message: 'An application event log entry...' },
  ],
  [
    'example 4: structured data only',
    `<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ${sd}${priority}`,
    { sd: sd + priority, message: '' },
  ],
  ['all nil', '<14>1 - - - - - -', { pri: 14, format: 'rfc5424', message: '' }],
  ['all nil, and a text', '<14>1 - - - - - - hello', { format: 'rfc5424', message: 'hello' }],
  ['a text that begins with a space', '<14>1 - - - - - -  x', { message: ' x' }],
  ['escapes in a value (§6.3.3)', '<14>1 - h a p m [x y="\\"\\\\\\]"] z', { sd: '[x y="\\"\\\\\\]"]', message: 'z' }],
  ['an unescaped bracket in a value', '<14>1 - h a p m [x y="a]b"] z', { sd: '[x y="a]b"]', message: 'z' }],
  ['a backslash that escapes nothing is kept (§6.3.3)', '<14>1 - h a p m [x y="a\\nb"] z', { sd: '[x y="a\\nb"]' }],
  ['an element without parameters', '<14>1 - h a p m [x] z', { sd: '[x]', message: 'z' }],
  ['a space before the closing bracket', '<14>1 - h a p m [x y="z" ] m', { sd: '[x y="z" ]', message: 'm' }],
  ['two spaces between parameters', '<14>1 - h a p m [x y="1"  z="2"] m', { sd: '[x y="1"  z="2"]', message: 'm' }],
  ['no structured data column', '<14>1 - h a p m hello [x] world', { msgid: 'm', message: 'hello [x] world' }],
  ['an empty structured data column', '<14>1 - h a p m  hello', { msgid: 'm', message: 'hello' }],
  ['an empty structured data column before an indented text', '<14>1 - h a p m   x', { message: ' x' }],
  ['no space after structured data', '<14>1 - h a p m [x]hello', { sd: '[x]', message: 'hello' }],
  [
    'a text that begins with a dash, without structured data',
    '<14>1 - h a p m -v is a flag',
    { message: '-v is a flag' },
  ],
  ['lower-case t and z', '<14>1 2003-10-11t22:14:15.5z h a p m - x', { time: '2003-10-11T22:14:15.500Z' }],
  ['no zone', '<14>1 2003-10-11T22:14:15 h a p m - x', { time: '2003-10-11T22:14:15.000Z', host: 'h' }],
  ['a leap second is the next second', '<14>1 2016-12-31T23:59:60Z h a p m - x', { time: '2017-01-01T00:00:00.000Z' }],
  [
    'an offset that changes the day',
    '<14>1 2026-01-01T00:30:00+01:00 h a p m - x',
    { time: '2025-12-31T23:30:00.000Z' },
  ],
  ['a leap day', '<14>1 2028-02-29T12:00:00Z h a p m - x', { time: '2028-02-29T12:00:00.000Z' }],
  ['a leap day of 2000', '<14>1 2000-02-29T12:00:00Z h a p m - x', { time: '2000-02-29T12:00:00.000Z' }],
  ['nine digits of fraction', '<14>1 2003-10-11T22:14:15.123456789Z h a p m - x', { time: '2003-10-11T22:14:15.123Z' }],
  [
    'a field longer than the RFC allows',
    `<14>1 - ${'h'.repeat(300)} a p m - x`,
    { host: 'h'.repeat(300), message: 'x' },
  ],
  ['UTF-8 in fields', '<14>1 - höst prögram p m - ü', { host: 'höst', program: 'prögram', message: 'ü' }],
  [
    'a host with the name of a zone',
    '<14>1 2003-10-11T22:14:15Z DST a p m - x',
    { host: 'DST', program: 'a', message: 'x' },
  ],
  [
    'a host with the name of a zone, after a time without one',
    '<14>1 2003-10-11T22:14:15 CET a p m - x',
    { time: '2003-10-11T22:14:15.000Z', host: 'CET' },
  ],
  ['a text of several lines', '<14>1 - h a p m - a\nb', { message: 'a\nb' }],
]

describe('RFC 5424', () => {
  test.each(MEANT)('%s', (_, message, fields) => {
    expect(fieldsOf(message)).toMatchObject(fields)
    expect(fieldsOf(message).defects).toBeUndefined()
  })

  test('nil values are absent', () => {
    expect(fieldsOf('<14>1 - - - - - -')).toEqual({ pri: 14, format: 'rfc5424', message: '' })
  })
})

const HEADER = 'HEADER_INVALID'
const WRONG: readonly [what: string, message: string, fields: Partial<Fields>][] = [
  ['ends after the time', '<14>1 2003-10-11T22:14:15Z', { format: 'rfc5424', message: '', defects: [HEADER] }],
  ['ends after the host', '<14>1 - h', { host: 'h', message: '', defects: [HEADER] }],
  ['ends after the program', '<14>1 - h a', { host: 'h', program: 'a', message: '', defects: [HEADER] }],
  ['ends after the pid', '<14>1 - h a p', { program: 'a', pid: 'p', message: '', defects: [HEADER] }],
  ['ends after the msgid', '<14>1 - h a p m', { pid: 'p', msgid: 'm', message: '', defects: [HEADER] }],
  ['two spaces between fields', '<14>1 -  a p m - x', { defects: [HEADER] }],
  ['version 2', '<14>2 - h a p m - x', { host: 'h', message: 'x', defects: ['VERSION_UNKNOWN'] }],
  ['version 999', '<14>999 - h a p m - x', { host: 'h', message: 'x', defects: ['VERSION_UNKNOWN'] }],
  ['February 30th', '<14>1 2003-02-30T00:00:00Z h a p m - x', { host: 'h', message: 'x', defects: ['TIME_INVALID'] }],
  ['a leap day of 2100', '<14>1 2100-02-29T00:00:00Z h a p m - x', { host: 'h', defects: ['TIME_INVALID'] }],
  ['25 o’clock', '<14>1 2003-02-03T25:00:00Z h a p m - x', { host: 'h', defects: ['TIME_INVALID'] }],
  [
    'structured data without its end',
    '<14>1 - h a p m [x y="z',
    { message: '[x y="z', defects: ['STRUCTURED_DATA_INVALID'] },
  ],
  [
    'a parameter without quotes',
    '<14>1 - h a p m [x y=z] m',
    { message: '[x y=z] m', defects: ['STRUCTURED_DATA_INVALID'] },
  ],
  ['brackets without an id', '<14>1 - h a p m [] m', { message: '[] m', defects: ['STRUCTURED_DATA_INVALID'] }],
]

test.each([
  ['CEF', 'CEF:0|Cyber-Ark|Vault|12.6|7|Logon|5|act=Logon suser=x fname= dvc='],
  ['LEEF', 'LEEF:1.0|Vendor A|Product|1|x a=b c=d e'],
])('RFC 5424, broken: %s directly after the host, without the other columns (CyberArk)', (_, message) => {
  expect(fieldsOf(`<5>1 2026-11-10T10:43:21Z VAULT ${message}`)).toEqual({
    ...{ pri: 5, format: 'rfc5424', time: '2026-11-10T10:43:21.000Z', host: 'VAULT', message, defects: [HEADER] },
  })
})

test.each(['T00:00:00+25:00', 'T00:00:00.Z', 'T00:00:00Zulu', 'T00:00Z', 'Tnoon'])(
  'RFC 5424, broken: with a valid date and the time %s, the other fields are parsed',
  (time) => {
    const fields = { format: 'rfc5424', host: 'h', program: 'a', pid: 'p', msgid: 'm', message: 'x' }
    expect(fieldsOf(`<14>1 2003-02-03${time} h a p m - x`)).toEqual({ pri: 14, ...fields, defects: ['TIME_INVALID'] })
  },
)

test('RFC 5424 without its PRI is parsed if it begins with version 1 and a year', () => {
  expect(fieldsOf('1 2003-10-11T22:14:15.003Z h su 12 ID47 - m')).toEqual({
    ...{ pri: 13, format: 'rfc5424', time: '2003-10-11T22:14:15.003Z', host: 'h', program: 'su', pid: '12' },
    ...{ msgid: 'ID47', message: 'm', defects: ['PRI_MISSING'] },
  })
  for (const text of ['1 - h su 12 ID47 - m', '1 2 3', '1 ', '1', '12 2003-10-11T22:14:15Z h a p m - x'])
    expect(fieldsOf(text)).toEqual({ pri: 13, format: 'raw', message: text, defects: ['PRI_MISSING'] })
})

test.each(WRONG)('RFC 5424, broken: %s', (_, message, fields) => {
  expect(fieldsOf(message)).toMatchObject(fields)
})

test.each(['<14>0 - h a p m - x', '<14>01 - h a p m - x', '<14>1000 - h a p m - x', '<14>1', '<14>1 '])(
  '%s is not RFC 5424 and is text',
  (message) => {
    const fields = fieldsOf(message)
    expect(fields.format).not.toBe('rfc5424')
    expect(fields.message).toBe(message.slice(4))
  },
)
