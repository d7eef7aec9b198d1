// Lines and groups of lines that are as long as a message may be, or longer.

import { appendFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { MESSAGE_BYTES_MAX } from '../../common/limits.ts'
import { asLines, Tailing } from './tailing.ts'

describe.concurrent('long lines', () => {
  test('a line that is longer than a message may be is delivered completely, in marked pieces', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const { expect } = context
    const long = Array.from({ length: 300_000 }, (_, i) => `${i}`).join(' ')
    writeFileSync(tailing.path('a.log'), `${long}\nshort\n`)
    await tailing.start()
    await expect.poll(() => tailing.stored.at(-1)).toBe('short')
    const pieces = tailing.stored.slice(0, -1)
    expect(pieces).toHaveLength(2)
    const texts = pieces.map((piece) => piece.replace(/^.*?\[chunk@[^\]]*\] /, ''))
    expect(pieces.every((piece) => piece.includes('[chunk@'))).toBe(true)
    expect(texts.join('')).toBe(long)
    // No piece is longer than a message may be, so that no relay has to split it again.
    expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
  })

  test('a line of the greatest length that ends in CR LF is one message', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const line = 'a'.repeat(MESSAGE_BYTES_MAX)
    writeFileSync(tailing.path('a.log'), `${line}\r\nnext\r\n`)
    await tailing.start()
    await tailing.expectStored([line, 'next'])
  })

  // Only carriage returns are left for a last piece, so there is none.
  test('the line after one that is too long only by its carriage returns is a message of its own', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const line = 'a'.repeat(MESSAGE_BYTES_MAX - 300)
    writeFileSync(tailing.path('a.log'), `${line}${'\r'.repeat(400)}\nnext\n`)
    await tailing.start()
    await context.expect.poll(() => tailing.stored.length).toBe(2)
    context.expect(tailing.stored[0].trimEnd().endsWith(`] ${line}`)).toBe(true)
    context.expect(tailing.stored[1]).toBe('next')
  })
})

describe.concurrent('long groups', () => {
  test('a group and the line after it that are too long together are two messages', async (context) => {
    const tailing = new Tailing(context, 'a.log', { multiline: 'indented' })
    const group = `head\n  ${'a'.repeat(600 * 1024)}`
    const line = 'b'.repeat(600 * 1024)
    writeFileSync(tailing.path('a.log'), asLines([group, line, 'last']))
    await tailing.start()
    await tailing.expectStored([group, line])
  })

  for (const newline of ['\n', '\r\n']) {
    test(`a group of the greatest length at the end of a file waits for the next line, after ${JSON.stringify(newline)}`, async (context) => {
      const tailing = new Tailing(context, 'a.log', { multiline: 'indented' })
      const group = `head${newline}  `.padEnd(MESSAGE_BYTES_MAX, 'a')
      writeFileSync(tailing.path('a.log'), `before${newline}${group}${newline}`)
      await tailing.start()
      await tailing.expectStored(['before'])
      appendFileSync(tailing.path('a.log'), `next${newline}last${newline}`)
      await tailing.expectStored(['before', group, 'next'])
    })
  }

  test('start: a long line after a long group is matched by more than its first bytes', async (context) => {
    const tailing = new Tailing(context, 'a.log', { multiline: { start: '^\\d{4}-' } })
    const group = '2026-11-23\n'.padEnd(MESSAGE_BYTES_MAX - 2, 'a')
    const next = '2026-11-24 '.padEnd(300 * 1024, 'b')
    writeFileSync(tailing.path('a.log'), asLines([group, next, '2026-11-25']))
    await tailing.start()
    await tailing.expectStored([group, next])
  })
})
