// Messages that are stored in a block come back with the same bytes, fields and times.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addBatch } from '../../collector/archive/batch-rows.ts'
import { BlockBuilder } from '../../collector/archive/block-builder.ts'
import { addBlock } from '../../collector/archive/block-rows.ts'
import { DecodedBlock } from '../../collector/archive/decoded-block.ts'
import { BlockColumns } from '../../collector/search/block-columns.ts'
import { ALL_COLUMNS } from '../../collector/search/stored-block.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { HOST, MESSAGE, MSGID, PID, PROGRAM, ROW, STRUCTURED_DATA } from '../../common/pipeline/header-table.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const RECEIVED = Date.UTC(2026, 10, 23, 10) * 1000

function decoded(builder: BlockBuilder): DecodedBlock {
  const block = builder.finish()
  return new DecodedBlock(0, block.count, block)
}

/** Encodes these messages in a block and decodes it again. */
function blockOf(messages: readonly (string | Buffer)[], origin: Partial<Origin> = {}, first?: number): DecodedBlock {
  const builder = new BlockBuilder()
  builder.bytesWanted = Infinity
  addBatch(batchOf(messages, originOf(origin), RECEIVED, first), undefined, builder, () => expect.unreachable())
  return decoded(builder)
}

function merged(block: DecodedBlock): DecodedBlock {
  const builder = new BlockBuilder()
  addBlock(block, builder)
  return decoded(builder)
}

const rawOf = (block: DecodedBlock) => Array.from({ length: block.count }, (_, i) => block.raw(i).toString('latin1'))

const hostile = [
  '',
  ' ',
  '<',
  '<>',
  '<34>',
  '<034>Oct 11 22:14:15 mymachine su: leading zero',
  '<999>no such priority',
  '<191>1 - - - - - -',
  '<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff’su root’ failed',
  '<34>1 2003-10-11T22:14:15.000003-07:00 h app 8710 - [a@1 b="c\\]"] text',
  '<34>1 2003-10-11T22:14:15,003Z h app 1 - - comma',
  '<34>1 2003-10-11t22:14:15z h app 1 - - small letters',
  '<34>1 2003-10-11T22:14:15.1234567Z h app 1 - - seven digits',
  '<34>1 2003-10-11T22:14:15.100000-00:00 h app 1 - - minus zero',
  '<34>1 2016-12-31T23:59:60Z h app 1 - - leap second',
  '<34>1 2003-13-11T22:14:15Z h app 1 - - month 13',
  '<34>1 0000-01-01T00:00:00Z h app 1 - - year 0',
  '<34>1 1969-12-31T23:59:59.999999Z h app 1 - - before the epoch',
  '<34>1 9999-12-31T23:59:59.999999Z h app 1 - - the end of time',
  '<34>1 2113-01-01T00:00:00.000001Z h app 1 - - far off',
  '<34>Oct 11 22:14:15 mymachine su[0012]: pid with zeros',
  '<34>Oct 11 22:14:15 mymachine su[12345678901]: pid of eleven digits',
  '<34>Oct 11 22:14:15 mymachine su[a b]: pid with a space',
  '<34>Oct 11 22:14:15 mymachine su[x]: pid of letters',
  '<34>Oct  1 22:14:15 mymachine su: day with a space',
  '<34>Oct 01 22:14:15 mymachine su: day with a zero',
  '<34>Oct 1 22:14:15 mymachine su: day with one digit',
  '<34>oct 11 22:14:15 mymachine su: small month',
  '<34>Oct 11 22:14:15.123 mymachine su: fraction',
  '<34>Oct 11 22:14:15 CEST mymachine su: zone',
  '<34>Oct 11 22:14:15   mymachine   su:   blanks',
  '<34>Oct 11 2003 22:14:15 fw : %ASA-6-302013: year',
  '<34>*Apr 29 13:58:46.411: %SYS-5-CONFIG_I: cisco',
  '1 2003-10-11T22:14:15.003Z h app 1 - - no PRI',
  '<34>Oct 11 2:14:15 mymachine su: hour with one digit',
  '<13>win\tMSWinEventLog\t1\tSecurity',
  '<13>Oct 11 22:14:15 win\tMSWinEventLog\t1\tSecurity',
  '<166>fw1 : %ASA-6-302013: no time',
  '<34>29: foo: 000030: *Apr 29 13:58:46.411: %SYS-5-CONFIG_I: host before the time',
  '<34>29: [10.1.2.3]: Apr 29 13:58:46: %SYS-5-CONFIG_I: host before a plain time',
  '<34>foo: *Apr 29 13:58:46.411: %SYS-5-CONFIG_I: host without a number',
  '<34>: 2026 Apr 29 13:58:46 CEST: %ETHPORT-5-IF_UP: colon first',
  '<34>Oct 11 22:14:15 [10.0.0.1] su: brackets',
  '<34>Oct 11 22:14:15 Message forwarded from web-1: su: aix',
  '<134>1 1563249630.774 MX84 urls src=1.2.3.4',
  Buffer.from([0x3c, 0x33, 0x34, 0x3e, 0x00, 0xff, 0xfe, 0x0a, 0x0d, 0x80]),
  Buffer.from('<34>Oct 11 22:14:15 h\xf6st pr\xf6g[\xff]: \xe4\xf6\xfc', 'latin1'),
  'x'.repeat(1024 * 1024),
]
const hostileTexts = hostile.map((message) => Buffer.from(message).toString('latin1'))

test('archive: malformed and unusual messages come back byte for byte, also after a merge', () => {
  const block = blockOf(hostile)
  expect(rawOf(block)).toEqual(hostileTexts)
  expect(rawOf(merged(block))).toEqual(hostileTexts)
})

test('archive: messages come back byte for byte if their host is replaced, or if they are plain lines of text', () => {
  const forced = blockOf(hostile, { hostForced: true })
  expect(rawOf(forced)).toEqual(hostileTexts)
  expect(rawOf(merged(forced))).toEqual(hostileTexts)
  expect(rawOf(blockOf(hostile, { lines: 'text', program: Buffer.from('app') }))).toEqual(hostileTexts)
})

test('archive: headers come back byte for byte when their layout changes from message to message', () => {
  const messages = [
    '<34>1 2003-10-11T22:14:15.003Z \0 ',
    '<34>Oct 11 22:14:15 ',
    '<1>Oct 11 22:14:15 h a[1]',
    '<34>Oct 11 22:14:15 h a: text',
    '<34>Oct 11 22:14:15  h  a: text',
    '<34>Oct 11 22:14:15 ',
    '<34>Oct 11 22:14:15  h a: text',
  ]
  for (const first of messages) {
    for (const second of messages) {
      for (const third of messages) {
        expect(rawOf(blockOf([first, second, third]))).toEqual([first, second, third])
      }
    }
  }
})

test('archive: the bytes between two header fields come back unchanged, whatever their number', () => {
  const gaps = ['', ' ', '  ', '   ', '    ', ': ', ':  ', ' : ', ' :  ', '\t', ' - ']
  const messages = gaps.flatMap((one) => gaps.map((other) => `<34>Oct 11 22:14:15${one}web-1${other}su:`))
  const inTurns = messages.flatMap((message, i) => [message, messages[(i * 7) % messages.length]])
  expect(rawOf(blockOf(inTurns))).toEqual(inTurns)
})

test.each([': Apr 29 13:58:46: ', ': ', ': 1w2d: '])(
  'archive: messages that begin with a sequence number share one layout (number followed by "%s")',
  (between) => {
    const messages = Array.from({ length: 1000 }, (_, i) => `<189>${1000 + i}${between}%SYS-5-CONFIG_I: Configured`)
    const block = blockOf(messages)
    expect(rawOf(block)).toEqual(messages)
    expect(block.shapes.length).toBe(1)
  },
)

test('archive: messages of any bytes come back byte for byte, also after a merge', () => {
  const heads = ['', '<34>', '<34>1 2003-10-11T22:14:15.003Z ', '<34>Oct 11 22:14:15 ', '<1>Oct 11 22:14:15 h a[1]']
  const message = fc
    .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 60 }))
    .map(([text, rest]) => Buffer.concat([Buffer.from(text), rest]))
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 30 }), (messages) => {
      const block = blockOf(messages)
      const expected = messages.map((bytes) => bytes.toString('latin1'))
      expect(rawOf(block)).toEqual(expected)
      expect(rawOf(merged(block))).toEqual(expected)
    }),
  )
})

test('archive: a block with a hundred thousand hosts has all their names', () => {
  const messages = Array.from({ length: 100_000 }, (_, i) => `<34>Oct 11 22:14:15 host-${i} su: x`)
  const block = blockOf(messages)
  expect(block.hosts.starts.length - 1).toBe(100_000)
  expect(block.raw(0).toString()).toBe(messages[0])
  expect(block.raw(99_999).toString()).toBe(messages[99_999])
})

test('archive: the fields and times of a decoded block are those in the message headers', () => {
  const block = blockOf([
    '<165>1 2003-10-11T22:14:15.003Z web-1 app 8710 ID47 [a@1 b="c"] text',
    '<13>bare text',
    '<34>1 2003-10-11T22:14:15.5+02:00 web-2 app - - - later',
  ])
  expect([...block.priorities]).toEqual([165, 13, 34])
  const first = Date.UTC(2003, 9, 11, 22, 14, 15, 3) * 1000
  const last = Date.UTC(2003, 9, 11, 20, 14, 15, 500) * 1000
  expect([...block.times]).toEqual([first, NaN, last])
  expect([...block.effectiveTimes]).toEqual([first, RECEIVED, last])
  expect([...block.received]).toEqual([RECEIVED, RECEIVED, RECEIVED])
  expect(block.origins).toEqual([{ source: 'network' }])
  const { bytes, table } = new BlockColumns(block).rows(ALL_COLUMNS)
  const field = (cell: number) => bytes.toString('utf8', table.cells[cell], table.cells[cell + 1])
  expect([HOST, PROGRAM, PID, MSGID, STRUCTURED_DATA, MESSAGE].map(field)).toEqual([
    ...['web-1', 'app', '8710', 'ID47', '[a@1 b="c"]', 'text'],
  ])
  expect(table.cells[ROW + PROGRAM + 1]).toBe(table.cells[ROW + PROGRAM])
})

test('archive: where the first sluice says it received messages over an hour from now, the time of receipt here is used', () => {
  const hour = 3_600_000_000
  const messages = ['bare', '<34>1 2026-11-26T10:00:00Z h a - - - the same clock']
  expect([...blockOf(messages, {}, RECEIVED + 72 * hour).effectiveTimes]).toEqual([RECEIVED, RECEIVED])
  for (const received of [RECEIVED + hour, RECEIVED - 72 * hour]) {
    const block = blockOf(messages, {}, received)
    expect([...block.received]).toEqual([received, received])
    expect([...block.effectiveTimes]).toEqual([received, received])
  }
})

test('archive: a message whose time is over an hour ahead of its receipt is ordered by receipt', () => {
  const block = blockOf(['<34>1 2026-11-23T11:00:01Z h a - - - x', '<34>1 2026-11-23T10:59:59Z h a - - - x'])
  expect([...block.effectiveTimes]).toEqual([RECEIVED, RECEIVED + 3_599_000_000])
})
