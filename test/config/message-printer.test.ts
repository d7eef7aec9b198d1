// The output of `sluice parse`. Expected values are from RFC 3164 §5.4, RFC 5424 §6.5 and RFC 6587 §3.4.

import { expect, test } from 'vitest'
import { MessagePrinter } from '../../config/message-printer.ts'
import type { FramingMode } from '../../common/framing/stream-splitter.ts'
import { MESSAGE_BYTES_MAX } from '../../common/limits.ts'

function parse(input: string | Buffer, framing: FramingMode = 'auto', from?: string): Record<string, unknown>[] {
  const printer = new MessagePrinter(framing, from, MESSAGE_BYTES_MAX)
  const text = printer.feed(Buffer.from(input)) + printer.end()
  const lines = text.split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('the first example of RFC 5424, without structured data', () => {
  const line =
    "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8\n"
  expect(parse(line)).toEqual([
    {
      facility: 'auth',
      severity: 'crit',
      time: '2003-10-11T22:14:15.003000Z',
      host: 'mymachine.example.com',
      program: 'su',
      msgid: 'ID47',
      message: "'su root' failed for lonvick on /dev/pts/8",
      format: 'rfc5424',
      defects: [],
    },
  ])
})

test('the third example of RFC 5424, with structured data', () => {
  const data = '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'
  const [message] = parse(
    `<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ${data} An application event\n`,
  )
  expect(message).toMatchObject({
    ...{ facility: 'local4', severity: 'notice', program: 'evntslog', message: 'An application event' },
    sd: { 'exampleSDID@32473': { iut: '3', eventSource: 'Application', eventID: '1011' } },
  })
})

// RFC 5424 §7.2.1 uses this for a machine with two addresses. Several elements with one id are forbidden (§6.3.2), but kept.
test('a parameter that occurs several times has all its values', () => {
  const data = '[origin ip="192.0.2.1" ip="192.0.2.129" ip="192.0.2.1"][x@1 a="1"][x@1 b="2" a="\\]"]'
  const [message] = parse(`<165>1 2003-10-11T22:14:15.003Z host app - - ${data} text\n`)
  expect(message).toMatchObject({
    sd: { origin: { ip: ['192.0.2.1', '192.0.2.129', '192.0.2.1'] }, 'x@1': { a: ['1', ']'], b: '2' } },
  })
})

test('a line without a PRI is user.notice, with a defect; its host is the address of --from', () => {
  expect(parse('hello\n', 'auto', '192.0.2.7')).toEqual([
    {
      ...{ facility: 'user', severity: 'notice', host: '192.0.2.7', message: 'hello', format: 'raw' },
      defects: ['PRI_MISSING'],
    },
  ])
})

test('with an invalid PRI, the whole text is the message', () => {
  expect(parse('<999>hello\n')).toEqual([
    {
      ...{ facility: 'user', severity: 'notice', message: '<999>hello', format: 'raw' },
      defects: ['PRI_INVALID'],
    },
  ])
})

test('frames of all kinds may be mixed in a stream', () => {
  const stream = '10 <13>x: one<13>x: two\n<13>x: three\r\n<13>x: four\0<13>x: five'
  expect(parse(stream).map(({ message, defects }) => [message, defects])).toEqual([
    ['one', []],
    ['two', []],
    ['three', []],
    ['four', []],
    ['five', []],
  ])
})

test('an incomplete octet-counted message at the end has a defect; a last line without its newline has none', () => {
  expect(parse('<13>x: whole').map(({ defects }) => defects)).toEqual([[]])
  expect(parse('99 <13>x: half').map(({ message, defects }) => [message, defects])).toEqual([['half', ['FRAME_HALF']]])
})

test('with --framing newline, an octet count is text', () => {
  expect(parse('10 <13>x: one\n', 'newline').map(({ message }) => message)).toEqual(['10 <13>x: one'])
})

test('bytes that are not UTF-8 are replaced in the message and kept in raw', () => {
  const bytes = Buffer.from([...Buffer.from('<13>x: caf'), 0xe9, 0x0a])
  const [message] = parse(bytes)
  expect(message['message']).toBe('caf\ufffd')
  expect(message['raw']).toBe(bytes.subarray(0, -1).toString('base64'))
})

test('an empty stream prints nothing', () => expect(parse('')).toEqual([]))
