// Text after the header that resembles a tag or a host, and is neither. Received on 2026-11-23 at 12:00 UTC.

import { expect, test } from 'vitest'
import { fieldsOf, type Fields } from './fields.ts'

const TEXTS: readonly [what: string, message: string, fields: Partial<Fields>][] = [
  [
    'commas, and no space after the colon',
    '<14>Oct 11 22:14:15 h one,two:three',
    { host: 'h', message: 'one,two:three' },
  ],
  ['a list', '<14>Oct 11 22:14:15 h one,two three: x', { host: 'h', message: 'one,two three: x' }],
  [
    'Palo Alto',
    '<14>Oct 11 22:14:15 PA-220 1,2026/10/11 22:14:15,012801,TRAFFIC,end',
    { host: 'PA-220', message: '1,2026/10/11 22:14:15,012801,TRAFFIC,end' },
  ],
  [
    'Palo Alto, configured to send no host',
    '<14>Oct 11 22:14:15 1,2026/10/11 22:14:15,012801,TRAFFIC,end',
    { message: '1,2026/10/11 22:14:15,012801,TRAFFIC,end' },
  ],
  [
    'a time that begins the text',
    '<14>Oct 11 22:14:15 h 2026-10-11T22:14:15.123Z stderr F m',
    { host: 'h', message: '2026-10-11T22:14:15.123Z stderr F m' },
  ],
  [
    'a time that begins the text, without a host',
    '<14>Oct 11 22:14:15 2026-10-11T22:14:15.123Z INFO m',
    { message: '2026-10-11T22:14:15.123Z INFO m' },
  ],
  ['an address with a port', '<14>Oct 11 22:14:15 10.0.0.1:514 [x] m', { message: '10.0.0.1:514 [x] m' }],
  [
    'a path of Windows',
    '<14>Oct 11 22:14:15 h C:\\Windows\\x.exe started',
    { host: 'h', message: 'C:\\Windows\\x.exe started' },
  ],
  ['a path of Windows, without a host', '<14>Oct 11 22:14:15 D:\\x started', { message: 'D:\\x started' }],
  ['a name with two colons', '<14>Oct 11 22:14:15 h Foo::Bar: m', { host: 'h', message: 'Foo::Bar: m' }],
  ['an address that begins the text', '<14>Oct 11 22:14:15 h fe80::1 is up', { host: 'h', message: 'fe80::1 is up' }],
  ['CEF', '<14>Oct 11 22:14:15 h CEF:0|V|P|1|100|n|5|msg=x', { host: 'h', message: 'CEF:0|V|P|1|100|n|5|msg=x' }],
  ['CEF without a host', '<14>Oct 11 22:14:15 CEF:0|V|P|1|100|n|5|x', { message: 'CEF:0|V|P|1|100|n|5|x' }],
  ['JSON with spaces', '<14>Oct 11 22:14:15 { "a": 1 }', { message: '{ "a": 1 }' }],
  ['JSON with a space after its first key', '<14>Oct 11 22:14:15 {"a" : 1}', { message: '{"a" : 1}' }],
  ['JSON with spaces after a host', '<14>Oct 11 22:14:15 h { "a": 1 }', { host: 'h', message: '{ "a": 1 }' }],
  ['an array', '<14>Oct 11 22:14:15 [ {"a": 1} ]', { message: '[ {"a": 1} ]' }],
  ['keys and values', '<14>Oct 11 22:14:15 user=root action=login', { message: 'user=root action=login' }],
  ['quotes', '<14>Oct 11 22:14:15 "GET / HTTP/1.1" 200', { message: '"GET / HTTP/1.1" 200' }],
  ['an XML element', '<14>Oct 11 22:14:15 <event id="1"> x', { message: '<event id="1"> x' }],
  ['a second PRI', '<14>Oct 11 22:14:15 <13>x y', { message: '<13>x y' }],
  [
    'PostgreSQL, which writes a process id after its time',
    '<14>2026-10-11 22:14:15.000 UTC [12] LOG:  statement: select 1',
    { message: '[12] LOG:  statement: select 1' },
  ],
  ['an indented text', '<14>Oct 11 22:14:15 h     at x.y(Z.java:1)', { host: 'h', message: '    at x.y(Z.java:1)' }],
  ['LEEF', '<14>Oct 11 22:14:15 h LEEF:2.0|V|P|1|100|^|x', { host: 'h', message: 'LEEF:2.0|V|P|1|100|^|x' }],
]

test.each(TEXTS)(
  'RFC 3164, text that looks like a tag or a host is text: %s',
  (_, message, { host, message: text }) => {
    expect(fieldsOf(message)).toEqual({
      ...{ pri: 14, format: 'rfc3164', time: '2026-10-11T22:14:15.000Z', message: text },
      ...(host ? { host } : {}),
    })
  },
)
