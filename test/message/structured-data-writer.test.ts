// Structured data in the format `rfc5424`: malformed input is written as RFC 5424 §6.3 requires.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineFormat } from '../../common/message/line-format.ts'
import { Output } from '../../common/message/output.ts'
import { parseStructuredData } from '../../common/message/structured-data.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fieldsOf } from './fields.ts'

const HEADER = '<14>1 2026-10-11T10:00:00.000000+00:00 h app 1 ID '

function written(message: string): string {
  const output = new Output(Buffer.alloc(16))
  const batch = batchOf([message], originOf(), 0)
  lineFormat('rfc5424').write(batch, 0, batch.runs[0], output)
  return output.written.toString()
}

// RFC 5424 §6: STRUCTURED-DATA = NILVALUE / 1*SD-ELEMENT, without the 32 characters that a name may have.
const NAME = '[!#-<>-\\\\^-~]+'
const GRAMMAR = new RegExp(`^(-|(\\[${NAME}( ${NAME}="(\\\\.|[^"\\\\\\]])*")*\\])+)( [^]*)?$`)

describe('malformed structured data is corrected', () => {
  test.each([
    ['a space before the closing bracket', '[a b="c" ]', '[a b="c"]'],
    ['several spaces', '[a   b="c"  d="e"]', '[a b="c" d="e"]'],
    ['no space between parameters', '[a b="c"d="e"]', '[a b="c" d="e"]'],
    ['a space after an id without parameters', '[a ]', '[a]'],
    ['an unescaped bracket', '[a b="x]y]" c="]"]', '[a b="x\\]y\\]" c="\\]"]'],
    ['an unescaped bracket next to escapes', '[a b="\\]]\\"\\\\]"]', '[a b="\\]\\]\\"\\\\\\]"]'],
    ['a name that is not ASCII', '[ä b="ä"][c ö="d"]', '[%C3%A4 b="ä"][c %C3%B6="d"]'],
    ['a control byte in a name', '[a\x7f b\x7f="c"]', '[a%7F b%7F="c"]'],
    ['a newline in a value', '[a b="c\nd" ]', '[a b="c#012d"]'],
    ['brackets in a name', '[a[b c[="d" ][[e f="g"]', '[a[b c[="d"][[e f="g"]'],
    ['several elements', '[a b="c" ][d  e="f"][g]', '[a b="c"][d e="f"][g]'],
  ])('%s', (_, came, leaves) => {
    expect(written(`${HEADER}${came} text`)).toBe(`${HEADER}${leaves} text`)
    expect(leaves).toMatch(GRAMMAR)
  })

  test('text directly after it is separated by a space', () => {
    expect(written(`${HEADER}[a b="c"]text`)).toBe(`${HEADER}[a b="c"] text`)
  })

  test.each(['[a b="c"]', '[a]', '[a b=""]', '[a b="\\]\\"\\\\"][d e="\\n"]', '[x@1 i="1" i="2"]', '[a b="ä\u2028"]'])(
    'well-formed structured data is written unchanged: %s',
    (data) => {
      expect(written(`${HEADER}${data} text`)).toBe(`${HEADER}${data} text`)
    },
  )

  // Text that is not structured data at all.
  test.each(['[ a b="c"]', '[]', '[a b=c]', '[a b="c', '[a b="c"d]', '[=""]'])('%s is written as text', (data) => {
    expect(written(`${HEADER}${data} text`)).toBe(`${HEADER}- ${data} text`)
  })
})

const piece = fc.oneof(
  fc.constantFrom('[', ']', ' ', '"', '=', '\\', 'a', 'b="c"', '[a ', '[a b="', '"]', 'ä', '\t', '\x01', '-'),
  fc.string({ maxLength: 3 }),
)

test('any input: the output is well-formed, has the same values, and does not change when it is written again', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const message = `${HEADER}[${pieces.join('')}`.replaceAll(/[\0\r\n]/g, '')
      const leaves = written(message)
      expect(leaves.slice(HEADER.length)).toMatch(GRAMMAR)
      expect(written(leaves)).toBe(leaves)
      const [before, after] = [fieldsOf(message), fieldsOf(leaves)]
      expect(after.message).toBe(before.message)
      const values = (sd = '') => Object.values(parseStructuredData(sd)).flatMap((params) => Object.values(params))
      expect(values(after.sd).flat()).toEqual(values(before.sd).flat())
    }),
    { numRuns: 2000 },
  )
})
