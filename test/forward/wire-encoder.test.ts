import { expect, test } from 'vitest'
import { systemRandom } from '../../common/random.ts'
import { WireEncoder, type Framing, type WireFormat } from '../../shipper/forward/wire-encoder.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const RECEIVED = Date.UTC(2026, 10, 23, 12) * 1000
const local = originOf({ lines: 'local', host: Buffer.from('web-1'), priority: 134 })
const file = originOf({ lines: 'text', host: Buffer.from('web-1'), program: Buffer.from('app'), priority: 134 })

function wire(messages: string[], format: WireFormat, framing: Framing, origin = originOf()): string {
  const encoder = new WireEncoder(format, framing, systemRandom)
  encoder.add(batchOf(messages, origin, RECEIVED))
  return encoder.take().toString()
}

test('received: a message is sent byte for byte as it was received, and its length counted in bytes, not characters', () => {
  expect(wire(['<34>Oct 11 22:14:15 h su: m', '<13>ä'], 'received', 'octet')).toBe(
    '27 <34>Oct 11 22:14:15 h su: m6 <13>ä',
  )
})

test('received: octet counting keeps newlines in a message, newline framing escapes them', () => {
  expect(wire(['<13>a\nb'], 'received', 'octet')).toBe('7 <13>a\nb')
  expect(wire(['<13>a\nb\r\0'], 'received', 'newline')).toBe('<13>a#012b#015#000\n')
})

test('raw: octet counting keeps newlines in a message, newline framing escapes them', () => {
  expect(wire(['a\nb\r\0', '<13>c'], 'raw', 'octet')).toBe('5 a\nb\r\x005 <13>c')
  expect(wire(['a\nb\r\0', '<13>c'], 'raw', 'newline')).toBe('a#012b#015#000\n<13>c\n')
})

test('json: newline framing needs no escaping besides that of JSON', () => {
  const [line, rest] = wire(['<13>a\nb'], 'json', 'newline').split('\n')
  expect(JSON.parse(line)).toMatchObject({ message: 'a\nb' })
  expect(rest).toBe('')
})

test('received: a line of a file without a header gets an RFC 5424 header', () => {
  expect(wire(['GET / 200'], 'received', 'newline', file)).toMatch(
    /^<134>1 2026-11-23T\d\d:00:00\.000000[+-]\d\d:\d\d web-1 app - - - GET \/ 200\n$/,
  )
})

test('received: a multiline message stays one message with octet counting', () => {
  expect(wire(['first\n  second'], 'received', 'octet', file)).toContain(' web-1 app - - - first\n  second')
})

test('received: a line of a file with a syslog header that lacks only its PRI gets a PRI', () => {
  expect(wire(['Oct 11 22:14:15 web-1 su[1]: m'], 'received', 'newline', file)).toBe(
    '<134>Oct 11 22:14:15 web-1 su[1]: m\n',
  )
})

test('received: a message received over the network with a header but no PRI is sent as it was received', () => {
  expect(wire(['Oct 11 22:14:15 h su[1]: m'], 'received', 'newline')).toBe('Oct 11 22:14:15 h su[1]: m\n')
})

test.each([
  ['has a time', '<34>Oct 11 22:14:15 su[1]: m', /^<34>Oct 11 22:14:15 web-1 su\[1\]: m$/],
  ['has a time, but no PRI', 'Oct 11 22:14:15 su[1]: m', /^<134>Oct 11 22:14:15 web-1 su\[1\]: m$/],
  ['has no time', '<34>su[1]: m', /^<34>1 2026-11-23T\d\d:00:00\.000000[+-]\d\d:\d\d web-1 su 1 - - m$/],
  ['has a host name', '<34>1 2003-10-11T22:14:15.003Z h su - - - m', /^<34>1 2003-10-11T22:14:15\.003Z h su - - - m$/],
])('received: a message of a local socket that %s is sent with the name of its machine', (_, message, sent) => {
  expect(wire([message], 'received', 'newline', local).slice(0, -1)).toMatch(sent)
})

test('a configured format is used whatever the format of the received message', () => {
  expect(wire(['<34>1 2003-10-11T22:14:15.003Z h su 7 ID47 [a b="c"] m'], 'rfc3164', 'newline')).toBe(
    '<34>Oct 11 22:14:15 h su[7]: m\n',
  )
})

test('datagrams: each message is one datagram, or is split into marked pieces if it is too long', () => {
  const encoder = new WireEncoder('received', 'octet', systemRandom)
  const long = 'x'.repeat(250)
  const batch = batchOf(['<13>short', `<13>Nov 23 10:00:00 h p: ${long}`], originOf(), RECEIVED)
  const datagrams = Array.from(encoder.datagrams(batch, 100), String)
  expect(datagrams[0]).toBe('<13>short')
  const pieces = datagrams.slice(1)
  expect(pieces.length).toBeGreaterThan(2)
  for (const [i, piece] of pieces.entries()) {
    expect(piece).toMatch(
      new RegExp(
        `^<13>1 2026-11-23T10:00:00.000000\\+00:00 h p - - \\[chunk@32473 id="[0-9a-f]{32}" part="${i + 1}"\\] `,
      ),
    )
  }
  expect(pieces.map((piece) => piece.slice(piece.indexOf('] ') + 2)).join('')).toBe(long)
})

test('datagrams: pieces that repeat long structured data are no longer than a datagram can be', () => {
  const encoder = new WireEncoder('received', 'octet', systemRandom)
  const [long, data] = ['x'.repeat(250_000), `[a@1 b="${'y'.repeat(2_000)}"]`]
  const batch = batchOf([`<13>1 2026-11-23T10:00:00Z h p - - ${data} ${long}`], originOf(), RECEIVED)
  const pieces = Array.from(encoder.datagrams(batch, 65_000), String)
  // RFC 768: a 16-bit length, less the headers of UDP and IPv4.
  expect(pieces.map(({ length }) => length).filter((length) => length > 65_507)).toEqual([])
  expect(pieces).toHaveLength(4)
  for (const piece of pieces) expect(piece).toContain(data)
  expect(pieces.map((piece) => piece.slice(piece.lastIndexOf('] ') + 2)).join('')).toBe(long)
})

test('a buffer that was given back is reused, and holds only messages added since', () => {
  const encoder = new WireEncoder('received', 'newline', systemRandom)
  encoder.add(batchOf(['<13>one'], originOf(), RECEIVED))
  const first = encoder.take()
  encoder.giveBack(first)
  encoder.add(batchOf(['<13>two'], originOf(), RECEIVED))
  encoder.take()
  encoder.add(batchOf(['<13>three'], originOf(), RECEIVED))
  expect(encoder.take().toString()).toBe('<13>three\n')
})
