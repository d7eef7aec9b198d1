import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headersOf } from '../../common/message/headers.ts'
import { lineFormat, lineFormatNames, writeLines, type LineFormatName } from '../../common/message/line-format.ts'
import { messageJson } from '../../common/message/message-object.ts'
import { Output } from '../../common/message/output.ts'
import { parsePriorities } from '../../common/message/parse.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { HOST, MESSAGE, PRIORITY, ROW } from '../../common/pipeline/header-table.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fieldsOf, RECEIVED } from './fields.ts'
import { hostileMessages } from './hostile.ts'

const nasty = 'a\nb\rc\0d e'
const origins: readonly Origin[] = [
  originOf(),
  originOf({ host: Buffer.from(nasty), program: Buffer.from(nasty) }),
  originOf({ hostForced: true, host: Buffer.from(nasty) }),
  originOf({ lines: 'text', host: Buffer.from('h'), program: Buffer.from(nasty), priority: 134 }),
  originOf({ lines: 'local', host: Buffer.from('h'), priority: 134 }),
]

function linesOf(name: LineFormatName, batch: Batch): Buffer {
  const output = new Output(Buffer.alloc(16))
  writeLines(lineFormat(name), batch, output)
  return output.written
}

/** Asserts everything that must hold for any message, whatever its bytes are. */
function check(message: Buffer, origin: Origin): void {
  const neighbour = '<13>Oct 11 22:14:15 h p[1]: m'
  const batch = batchOf([neighbour, message, neighbour], origin, RECEIVED)
  const priorities = new Uint8Array(3)
  parsePriorities(batch, priorities)
  const { cells } = headersOf(batch)
  const [start, end] = [batch.bounds[2], batch.bounds[3]]

  expect(priorities[1]).toBe(cells[ROW + PRIORITY])
  expect(priorities[1]).toBeLessThanOrEqual(191)
  for (let cell = HOST - 2; cell <= MESSAGE; cell += 2) {
    const [from, to] = [cells[ROW + cell], cells[ROW + cell + 1]]
    expect(from).toBeLessThanOrEqual(to)
    if (to > from || cell === MESSAGE) expect(from >= start && to <= end).toBe(true)
  }
  // The text ends at the end of the message, and the neighbouring messages are parsed as if alone.
  expect(cells[ROW + MESSAGE + 1]).toBe(end)
  expect(cells[2 * ROW + MESSAGE] - end).toBe(cells[MESSAGE])

  for (const name of lineFormatNames) {
    const written = linesOf(name, batch)
    if (name === 'raw') {
      expect(written.equals(Buffer.from(`${neighbour}\n${message.toString('latin1')}\n${neighbour}\n`, 'latin1'))).toBe(
        true,
      )
      continue
    }
    expect(written.includes(0) || written.includes(0x0d)).toBe(false)
    expect(written.reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0)).toBe(3)
  }

  const json = messageJson(batch, 1, batch.runs[0])
  expect(linesOf('json', batch).toString().split('\n')[1]).toBe(json)
  const object = JSON.parse(json)
  if (object.raw !== undefined) expect(Buffer.from(object.raw, 'base64').equals(message)).toBe(true)
  else expect(message.toString().endsWith(object.message)).toBe(true)
}

describe('hostile messages', () => {
  test('there are more than 150 different hostile messages', () => {
    expect(new Set(hostileMessages.map((each) => each.toString('latin1'))).size).toBeGreaterThan(150)
  })

  test.each(
    hostileMessages.map((message) => [JSON.stringify(message.toString('latin1').slice(0, 60)), message] as const),
  )('%s', (_, message) => {
    for (const origin of origins) check(message, origin)
  })

  // Cut where the next byte would decide.
  const cutMessages = ['<14>Oct 11 10:14:15 PM', '<14>Oct 11 22:14:15 h p:/'].map((text) => Buffer.from(text))
  test.each(
    [...hostileMessages, ...cutMessages].map(
      (message) => [JSON.stringify(message.toString('latin1').slice(0, 60)), message] as const,
    ),
  )('%s is parsed the same whatever follows it in memory', (_, message) => {
    const alone = fieldsOf(message)
    for (const behind of ['0123456789', ']: x', '"] x', '>x', ' h p: m', '\ufeff', '.x', ': %x', '//x']) {
      const batch = batchOf([message, behind], originOf(), RECEIVED)
      const { cells, times } = headersOf(batch)
      expect(batch.slab.bytes.toString('utf8', cells[MESSAGE], cells[MESSAGE + 1])).toBe(alone.message)
      expect(Number.isNaN(times[0]) ? undefined : new Date(times[0] / 1000).toISOString()).toBe(alone.time)
    }
  })
})

const part = fc.oneof(
  fc.constantFrom(
    ...[
      '<13>',
      '<191>',
      '<',
      '>',
      '1 ',
      '- ',
      ' ',
      ':',
      '[',
      ']',
      '"',
      '=',
      '\\',
      '\n',
      '\r',
      '\0',
      'h ',
      'p[1]: ',
      'p: ',
    ],
    ...[
      'Oct 11 22:14:15 ',
      '2003-10-11T22:14:15.003Z ',
      '[a b="c"]',
      '2026',
      'UTC ',
      '+02:00 ',
      '*',
      '.',
      '65536: ',
      '1563249630.7 ',
      ' GMT+2',
      ':123 2026 ',
      ' DST ',
      'KYV: %',
      ': % ',
      'w\tMSWinEventLog\t',
      '("',
      '") ',
      'a,b',
      '1,',
      'CEF:0',
    ],
  ),
  fc.string({ maxLength: 6 }),
)
const anyMessage = fc.oneof(
  fc.array(part, { maxLength: 14 }).map((parts) => Buffer.from(parts.join(''))),
  fc.uint8Array({ maxLength: 120 }).map((each) => Buffer.from(each)),
)

test('any bytes are parsed and written in every format, and nothing is lost', () => {
  fc.assert(
    fc.property(anyMessage, fc.constantFrom(...origins), (message, origin) => check(message, origin)),
    { numRuns: 3000 },
  )
})
