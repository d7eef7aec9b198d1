// The index of n-grams never rules out a literal that is in the block.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addBatch } from '../../collector/archive/batch-rows.ts'
import { BlockBuilder, type EncodedBlock } from '../../collector/archive/block-builder.ts'
import { DecodedBlock } from '../../collector/archive/decoded-block.ts'
import { mayContain } from '../../collector/archive/grams.ts'
import { BlockColumns } from '../../collector/search/block-columns.ts'
import { LineBuffer } from '../../collector/search/line-buffer.ts'
import { batchOf, originOf } from '../fake/batch.ts'

function blockOf(messages: string[]): EncodedBlock {
  const builder = new BlockBuilder()
  addBatch(batchOf(messages, originOf(), 0), undefined, builder, () => expect.unreachable())
  return builder.finish()
}

/** The lines that a search matches patterns against. */
function* matchLines(block: EncodedBlock): Generator<Buffer> {
  const columns = new BlockColumns(new DecodedBlock(0, block.count, block))
  const line = new LineBuffer()
  for (let i = 0; i < block.count; i += 1) {
    line.clear()
    line.add(columns, i)
    yield line.bytes.subarray(0, line.length)
  }
}

test('index: no piece of a match line is ruled out, with or without case', () => {
  const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\s[\]:<>]/.test(text))
  const message = fc.tuple(word, word, fc.nat(99_999), fc.string())
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 20 }), (parts) => {
      const block = blockOf(
        parts.map(([host, tag, pid, text]) => `<34>Oct 11 22:14:15 ${host} ${tag}[${pid}]: ${text}`),
      )
      for (const line of matchLines(block)) {
        for (let at = 0; at < line.length; at += 1) {
          const literal = line.subarray(at, at + 9)
          const capitals = Buffer.from(literal.map((byte) => (byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte)))
          expect(mayContain(block.grams, literal, false)).toBe(true)
          expect(mayContain(block.grams, capitals, true)).toBe(true)
        }
      }
    }),
  )
})

test('index: no piece of a line is ruled out if lines share skeletons', () => {
  const value = fc.oneof(fc.nat().map(String), fc.constantFrom('a1', '10.0.0.1', '7', 'x=', '\0', ''))
  const text = fc.tuple(
    fc.constantFrom('ab', 'from the very first word to ', '', 'word='),
    value,
    fc.constantFrom(' port ', '/'),
  )
  const message = fc.tuple(
    fc.constantFrom('h', 'host-1'),
    fc.constantFrom('sshd', 'x'),
    fc.nat(3),
    fc.array(text, { maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 60 }), (parts) => {
      const lines = parts.map(([host, tag, pid, texts]) => `${host} ${tag}[${pid}]: ${texts.flat().join('')}`)
      const { grams } = blockOf(lines.map((line) => `<34>Oct 11 22:14:15 ${line}`))
      for (const line of lines) {
        const bytes = Buffer.from(line)
        for (let at = 0; at < bytes.length; at += 1) {
          expect(mayContain(grams, bytes.subarray(at, at + 6), false)).toBe(true)
        }
      }
    }),
  )
})

test('index: of literals that are in no line, at least 95 % are ruled out', () => {
  const { grams } = blockOf(
    Array.from({ length: 2000 }, (_, i) => `<34>Oct 11 22:14:15 web-${i % 9} app[${i}]: request ${i * 7919} done`),
  )
  const absent = Array.from({ length: 1000 }, (_, i) => Buffer.from(`user${i * 104_729}x`))
  expect(absent.filter((literal) => mayContain(grams, literal, false)).length).toBeLessThan(50)
})

test('index: literals that are shorter than an n-gram (6 bytes) are never ruled out', () => {
  expect(mayContain(Buffer.alloc(32), Buffer.from('12345'), false)).toBe(true)
  expect(mayContain(Buffer.alloc(32), Buffer.from('123456'), false)).toBe(false)
})
