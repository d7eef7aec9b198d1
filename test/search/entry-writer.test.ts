// The formats in which a search prints messages. No bytes from a sender may control the terminal.

import { expect, test } from 'vitest'
import { EntryWriter, type WriterOptions } from '../../collector/search/entry-writer.ts'
import { compileRegex } from '../../common/expression/regex/byte-regex.ts'
import { zoneNamed, utc } from '../../common/message/zone.ts'
import { MemoryBlock, type Message } from './memory-archive.ts'

const TIME = Date.UTC(2026, 10, 20, 10) * 1000

function written(message: Partial<Message>, options: Partial<WriterOptions> = {}, isMatch = true): string {
  const whole: Message = {
    host: 'web-1',
    program: 'su',
    pid: '7',
    time: TIME,
    received: TIME,
    message: 'x',
    ...message,
  }
  const defaults: WriterOptions = { format: 'short', partsOnly: false, color: false, escape: false, zone: utc }
  const writer = new EntryWriter({ ...defaults, ...options })
  writer.write(new MemoryBlock([whole], 0).open(), 0, isMatch)
  return writer.output.written.toString('latin1')
}

test('short: the traditional timestamp in the given zone with the day padded, and no tag without a program', () => {
  expect(written({})).toBe('Nov 20 10:00:00 web-1 su[7]: x\n')
  expect(written({}, { zone: zoneNamed('+05:30')! })).toBe('Nov 20 15:30:00 web-1 su[7]: x\n')
  expect(written({ time: Date.UTC(2026, 0, 3) * 1000 })).toBe('Jan  3 00:00:00 web-1 su[7]: x\n')
  expect(written({ program: '', pid: '' })).toBe('Nov 20 10:00:00 web-1 x\n')
})

test('short: the time of receipt is printed if the message time is over an hour ahead of it', () => {
  expect(written({ time: TIME + 2 * 3_600_000_000 })).toBe('Nov 20 10:00:00 web-1 su[7]: x\n')
})

test('to a pipe, all bytes are written unchanged', () => {
  const message = Buffer.from([0x1b, 0x5b, 0x41, 0x0a, 0xff, 0x00])
  expect(written({ message }, { format: 'cat' })).toBe('\x1b[A\n\xff\x00\n')
})

test('on a terminal, control bytes are escaped, including those outside ASCII, and a second line is indented', () => {
  const terminal = { format: 'cat', escape: true } as const
  expect(written({ message: 'a\x1b[2Jb\x07\rc\x7fd\te' }, terminal)).toBe('a#033[2Jb#007#015c#177d\te\n')
  expect(written({ message: '\u009b31m' }, terminal)).toBe('#302#23331m\n')
  expect(written({ message: Buffer.from([0x9b, 0x33, 0xff]) }, terminal)).toBe('#2333#377\n')
  expect(written({ message: 'one\nNov 20 10:00:00 forged' }, terminal)).toBe('one\n    Nov 20 10:00:00 forged\n')
  expect(written({ host: 'we\x1bb', program: 's\x08u' }, { escape: true })).toBe(
    'Nov 20 10:00:00 we#033b s#010u[7]: x\n',
  )
  expect(Buffer.from(written({ message: 'é€𝄞' }, terminal), 'latin1').toString()).toBe('é€𝄞\n')
})

test('json: on a terminal every control character is escaped, to a pipe only those that JSON has to escape', () => {
  const message = { message: 'a\x1bb\x7fc\u009bd\ne' }
  expect(written(message, { format: 'json', escape: true })).toContain(
    String.raw`"message":"a\u001bb\u007fc\u009bd\ne"`,
  )
  const piped = Buffer.from(written(message, { format: 'json' }), 'latin1').toString()
  expect(JSON.parse(piped)).toMatchObject(message)
  expect(piped).toContain('\u009b')
})

test('matches are coloured, neighbours are not, and a match that crosses the end of the host is coloured as one', () => {
  const color = { color: true, pattern: compileRegex('1 s|x') }
  const info = { priority: 14 }
  expect(written(info, color)).toBe('Nov 20 10:00:00 web-\x1b[1;31m1 s\x1b[0mu[7]: \x1b[1;31mx\x1b[0m\n')
  expect(written(info, color, false)).toMatch(/^Nov 20 10:00:00 .\[\d+mweb-1.\[0m su\[7\]: x\n$/)
  // On a red line, a red match would not be visible.
  expect(written({ priority: 8 }, { ...color, format: 'cat' })).toBe('\x1b[1;31m\x1b[7mx\x1b[0m\x1b[1;31m\x1b[0m\n')
})

test('a host has the same colour in every search', () => {
  const colorOf = (host: string) => /\[(\d+)m/.exec(written({ host, priority: 14 }, { color: true }))?.[1]
  expect(colorOf('web-1')).toBe(colorOf('web-1'))
  expect(new Set(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(colorOf)).size).toBeGreaterThan(2)
})

test('-o prints each matching part on a line of its own', () => {
  const pattern = compileRegex('[a-z]+=[0-9]+')
  expect(written({ message: 'a=1 b=22 c=x d=4' }, { partsOnly: true, pattern })).toBe('a=1\nb=22\nd=4\n')
  expect(written({}, { partsOnly: true })).toBe('')
})
