// A written line is parsed to the same fields again: lines of all dialects, and variants of them with bytes removed,
// inserted and mixed up.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineFormat, type LineFormatName } from '../../common/message/line-format.ts'
import { Output } from '../../common/message/output.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fieldsOf, RECEIVED, type Fields } from './fields.ts'

const LINES = [
  "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
  '<38>Nov  3 11:59:59.123456 web-1 sshd[2213]: Accepted publickey for root',
  '<166>Oct 11 2025 22:14:15 fw1 : %ASA-6-302013: Built outbound TCP connection',
  '<38>2006-11-10T10:43:21.156+02:00 h p[12]: m',
  '<38>Apr  3 07:02:06 2024 router p: m',
  '<38>2024 Jun  3 10:00:00 h p: m',
  '<38>Oct 11 22:14:15 CEST h p: m',
  '<134>1 1563249630.774247467 MX84 events type=dhcp',
  '<189>29: foo: *Apr 29 13:58:46.411: %SYS-5-CONFIG_I: Configured',
  '<189>345: RP/0/RP0/CPU0:Apr 29 13:58:46.411 : ifmgr[204]: %PKT_INFRA-LINK-3-UPDOWN : Interface down',
  '<38>Oct 11 22:14:15 Message forwarded from web-1: sshd[5]: m',
  '<38>Oct 11 22:14:15 web-1 last message repeated 5 times',
  '<38>Oct 11 22:14:15 2001:db8::1 sshd(pam_unix)[1]: m',
  '<30>Oct 11 22:14:15 MikroTik dhcp,info: dhcp1 assigned 10.0.0.5',
  '<30>Oct 11 22:14:15 U7PG2,f09fc2000000,v4.3.28.11361: hostapd: ath0: m',
  '<134>Oct 11 22:14:15 bigip1 info tmm[123]: 01220002:6: Rule',
  '<13>Oct 11 22:14:15 win\tMSWinEventLog\t1\tSecurity',
  '<14>Oct 11 22:14:15 h app[[APP/PROC/WEB/0]]: m',
  '<165>1 2003-10-11T22:14:15.003Z h evntslog 8710 ID47 [a b="x\\"y\\]z\\\\"][c d="e" d="f"] \ufefftext',
  '<14>1 - - - - - -',
  '<13>{"json":true, "a": "b: c"}',
  'plain text: without anything',
]
const BITS = [
  ...[
    ' ',
    '\t',
    ':',
    '[',
    ']',
    '"',
    '=',
    '\\',
    '\n',
    '\r',
    '\0',
    '-',
    '<',
    '>',
    '{',
    ',',
    '.',
    '%',
    '/',
    'ä',
    '\x01',
    '#012',
  ],
  ...['1 ', 'UTC ', 'PM ', '[1]: ', 'x: ', '2026 ', 'Oct 11 22:14:15 ', '[a b="c" ]', '*', '+02:00', 'info ', '\x7f'],
]

const edit = fc.record({
  at: fc.nat(120),
  without: fc.nat(8),
  bit: fc.constantFrom('', ...BITS),
  from: fc.nat(LINES.length),
})
const message = fc
  .tuple(fc.constantFrom(...LINES), fc.array(edit, { maxLength: 4 }), fc.option(fc.constantFrom(0x80, 0xff, 0xc3)))
  .map(([line, edits, broken]) => {
    for (const { at, without, bit, from } of edits) {
      const other = from < LINES.length && without === 8 ? LINES[from] : bit
      line = line.slice(0, at) + other + line.slice(at + without)
    }
    const bytes = Buffer.from(line)
    if (broken !== null && bytes.length > 0) bytes[bytes.length >> 1] = broken
    return bytes
  })

function written(name: LineFormatName, text: Buffer): Buffer {
  const output = new Output(Buffer.alloc(16))
  const batch = batchOf([text], originOf(), RECEIVED)
  lineFormat(name).write(batch, 0, batch.runs[0], output)
  return Buffer.from(output.written)
}

const escaped = (text = '') =>
  text.replaceAll(/[\0\r\n]/g, (byte) => `#0${byte.charCodeAt(0) >> 3}${byte.charCodeAt(0) & 7}`)

/** The fields as they are written to a line: with the defaults of the origin, the time of receipt, and escaped control bytes. */
function asWritten({ time, host, zone, ...fields }: Fields): Partial<Fields> {
  return {
    ...{ time: time ?? new Date(RECEIVED / 1000).toISOString(), zone: zone ?? 0, host: escaped(host) || '192.0.2.7' },
    ...{ program: escaped(fields.program), pid: escaped(fields.pid), msgid: escaped(fields.msgid), pri: fields.pri },
    // A byte order mark is not part of the text.
    message: escaped(fields.message).replace(/^\ufeff/, ''),
  }
}

/** A field that is `-` is absent in RFC 5424 (§6), where nothing else can stand for it. */
function withoutNil({ host, program, pid, msgid, ...fields }: Partial<Fields>): Partial<Fields> {
  const [named, tag, process, id] = [host, program, pid, msgid].map((field) => (field === '-' ? '' : field))
  return { ...fields, host: named || '192.0.2.7', program: tag, pid: process, msgid: id }
}

describe('a written line', () => {
  test('in rfc5424 has the same fields', () => {
    fc.assert(
      fc.property(message, (came) => {
        const before = fieldsOf(came)
        const after = fieldsOf(written('rfc5424', came))
        expect(asWritten(after)).toEqual(withoutNil(asWritten(before)))
        expect(after.defects).toBeUndefined()
      }),
      { numRuns: 400 },
    )
  })

  // Text that is not a tag by itself may be one after a host. So messages without a plain host and tag are excluded.
  test.each(['rfc3164', 'iso', 'traditional'] as const)(
    'in %s has the same fields if the message has a plain host and tag',
    (name) => {
      fc.assert(
        fc.property(message, (came) => {
          const before = asWritten(fieldsOf(came))
          fc.pre(/^[a-z][\w.-]*$/.test(before.program!) && /^([a-z][\w.-]*|\d+(\.\d+)+)$/.test(before.host!))
          fc.pre(/^\w*$/.test(before.pid!))
          const after = asWritten(fieldsOf(written(name, came)))
          for (const field of ['host', 'program', 'pid', 'message'] as const) expect(after[field]).toBe(before[field])
          if (name === 'iso') expect(after.time).toBe(before.time)
        }),
        { numRuns: 150 },
      )
    },
  )
})
