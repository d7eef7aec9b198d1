// Where a character of a value stands in the file, for every way that YAML has to write a text.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { placeInScalar } from '../../config/scalar-place.ts'
import { parseYaml, type YamlScalar } from '../../config/yaml.ts'

function scalarIn(text: string): YamlScalar {
  const { root } = parseYaml(text)
  if (root?.kind !== 'map') throw new Error('no map')
  return root.entries.get('a')!.value as YamlScalar
}

/** The character of the file at which index i of the value stands. */
const characterAt = (text: string, index: number) => text.charAt(placeInScalar(text, scalarIn(text), index))

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

test('an index behind the value is its end', () => {
  expect(placeInScalar('a: abc', scalarIn('a: abc'), 99)).toBe(6)
})

test('whatever is written, a character that is not blank and needs no escape is found where it stands', () => {
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
