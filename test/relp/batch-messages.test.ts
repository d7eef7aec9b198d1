import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Output } from '../../common/message/output.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { addLines, AS_LINES, COUNTED, holdsLines, readMessages } from '../../common/relp/batch-messages.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const MANY = 1_000_000

/** Messages as in a file that was read: separated by a LF, or by `gap`. */
function inFile(texts: readonly string[], gap = '\n'): Batch {
  const bytes = Buffer.from(texts.join(gap) + gap, 'latin1')
  const slab = new SlabPool(2 * MANY).take(Math.max(1, bytes.length))!
  bytes.copy(slab.bytes)
  let at = 0
  const bounds = texts.flatMap((text) => {
    const start = at
    at += text.length + gap.length
    return [start, start + text.length]
  })
  const runs = [{ count: texts.length, origin: originOf({}) }]
  return { slab, bounds: Uint32Array.from(bounds), count: texts.length, received: 1, runs }
}

function lines(batch: Batch, first = 0, end = batch.count, bytesMax = MANY) {
  const content = new Output()
  const next = addLines(content, batch, first, end, bytesMax)
  return { next, text: content.written.toString('latin1'), content }
}

function read(content: Buffer | string, how: number): string[] | undefined {
  const bytes = Buffer.from(content)
  const slab = new SlabPool(2 * MANY).take(Math.max(1, bytes.length))!
  bytes.copy(slab.bytes)
  const bounds = readMessages(slab, 0, bytes.length, how)
  return (
    bounds &&
    Array.from({ length: bounds.length / 2 }, (_, i) => slab.bytes.toString('latin1', bounds[2 * i], bounds[2 * i + 1]))
  )
}

describe('lines', () => {
  const texts = ['first', '', 'second line', 'x'.repeat(300), 'last']

  test.each([
    ['of a file', inFile(texts)],
    ['of a file with CRLF', inFile(texts, '\r\n')],
    ['without separators', inFile(texts, '')],
    ['with another byte between them', inFile(texts, '\0')],
    ['of any other source', batchOf(texts, originOf({}), 1)],
  ])('%s are written one after another', (_, batch) => {
    expect(lines(batch)).toMatchObject({ next: 5, text: texts.map((text) => `${text}\n`).join('') })
    expect(lines(batch, 1, 3)).toMatchObject({ next: 3, text: '\nsecond line\n' })
  })

  test('lines are added while there is room, but at least one', () => {
    const batch = inFile(texts)
    expect(lines(batch, 0, 5, 6)).toMatchObject({ next: 1, text: 'first\n' })
    expect(lines(batch, 0, 5, 7)).toMatchObject({ next: 2, text: 'first\n\n' })
    expect(lines(batch, 3, 5, 10).next).toBe(4)
    expect(lines(batchOf(texts, originOf({}), 1), 0, 5, 7).next).toBe(2)
  })

  test('a message that contains a LF is detected', () => {
    expect(holdsLines(lines(inFile(texts)).content, 5)).toBe(true)
    expect(holdsLines(lines(batchOf(['a', 'b\nc'], originOf({}), 1)).content, 2)).toBe(false)
    expect(holdsLines(lines(batchOf(['\n'], originOf({}), 1)).content, 1)).toBe(false)
    expect(holdsLines(new Output(), 0)).toBe(true)
  })

  test('any messages without a LF are decoded unchanged', () => {
    const message = fc.string({ unit: fc.constantFrom('a', ' ', '\0', '\r', '7', '\xff'), maxLength: 40 })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), fc.constantFrom('\n', '\r\n', ''), (texts, gap) => {
        const { content } = lines(inFile(texts, gap))
        expect(holdsLines(content, texts.length)).toBe(true)
        expect(read(content.written, AS_LINES)).toEqual(texts)
      }),
    )
  })
})

test('counted messages are decoded unchanged whatever they contain, and malformed counts are rejected', () => {
  expect(read('5 first0 3 a\nb', COUNTED)).toEqual(['first', '', 'a\nb'])
  expect(read('', COUNTED)).toEqual([])
  for (const bad of ['5 firs', 'a', ' a', '1', '1a', '9999999999999999999999 a'])
    expect(read(bad, COUNTED)).toBeUndefined()
})

test('a last line without its LF is rejected', () => {
  expect(read('first\nhalf', AS_LINES)).toBeUndefined()
})
