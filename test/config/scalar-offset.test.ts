// The position in the file of a character of a value, for all styles of YAML scalars.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { offsetInScalar } from '../../config/scalar-offset.ts'
import { parseYaml, type YamlScalar } from '../../config/yaml.ts'

function scalarIn(text: string): YamlScalar {
  const { root } = parseYaml(text)
  if (root?.kind !== 'map') throw new Error('no map')
  return root.entries.get('a')!.value as YamlScalar
}

/** The character of the file at the place of `index` in the value. */
const characterAt = (text: string, index: number) => text.charAt(offsetInScalar(text, scalarIn(text), index))

test.each([
  ['plain', 'a: one two X', 8],
  ['plain over two lines', 'a: one\n  two X', 8],
  ['single quotes', "a: 'one ''two X'", 9],
  ['double quotes', 'a: "one \\"two X"', 9],
  ['double quotes with escapes', 'a: "\\x6fn\\u0065 two X"', 8],
  ['double quotes with a character beyond the plane', 'a: "\\U0001F600 two X"', 7],
  ['double quotes over two lines', 'a: "one\n  two X"', 8],
  ['double quotes with a joined line', 'a: "one \\\n  two X"', 8],
  ['double quotes with an escaped tab at the start of a line', 'a: "one\n  \\ttwo X"', 9],
  ['double quotes with blanks and an empty line before an escape', 'a: "one \n\n  \\ttwo X"', 9],
  ['a literal block', 'a: |\n  one\n  two X\n', 8],
  ['a literal block with CR LF', 'a: |\r\n  one\r\n  two X\r\n', 8],
  ['a folded block', 'a: >-\n  one\n  two\n\n  X\n', 8],
])('%s', (_, text, index) => {
  expect(String(scalarIn(text).value).charAt(index)).toBe('X')
  expect(characterAt(text, index)).toBe('X')
})

test('an index after the value maps to the end of the scalar', () => {
  expect(offsetInScalar('a: abc', scalarIn('a: abc'), 99)).toBe(6)
})

test('in any text and style, a non-blank character without an escape is found at its position', () => {
  const words = fc.array(
    fc.constantFrom('ab', ' ', '  ', "'", '"', '\\', '\n', 'é', '日本', '#', ': ', '-', '\t', '😀'),
    { maxLength: 12 },
  )
  const styles = fc.constantFrom(
    'PLAIN',
    'QUOTE_SINGLE',
    'QUOTE_DOUBLE',
    'BLOCK_LITERAL',
    'BLOCK_FOLDED',
  ) as fc.Arbitrary<'PLAIN'>
  fc.assert(
    fc.property(words, styles, (parts, style) => {
      const value = `${parts.join('')}X`
      const text = stringify({ a: value }, { defaultStringType: style, lineWidth: 20 })
      expect(scalarIn(text).value).toBe(value)
      expect(characterAt(text, value.length - 1)).toBe('X')
    }),
    { numRuns: 500 },
  )
})
