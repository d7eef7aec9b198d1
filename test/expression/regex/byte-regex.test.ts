// What cannot be compared with grep: faults, bytes that are not UTF-8, messages of several lines, bounds, literals, time.

import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { compileRegex, type ByteRegex, type RegexOptions } from '../../../common/expression/regex/byte-regex.ts'

const matches = (pattern: string | string[], text: string | Buffer, options?: RegexOptions) =>
  compileRegex(pattern, options).test(Buffer.from(text as string))

function parts(regex: ByteRegex, text: Buffer): string[] {
  const count = regex.findAll(text)
  return Array.from({ length: count }, (_, i) =>
    text.toString('latin1', regex.matches[2 * i], regex.matches[2 * i + 1]),
  )
}

test.each([
  ['a(b', 'Unmatched ( or \\(, at character 2'],
  ['a[b', 'Unmatched [, [^, [:, [., or [=, at character 2'],
  ['[]', 'Unmatched [, [^'],
  ['[[:alpha:', 'Unmatched [, [^'],
  ['x[[:letter:]]', 'Invalid character class name, at character 3'],
  ['[z-a]', 'Invalid range end, at character 2'],
  ['[a-c-e]', 'Invalid range end'],
  ['[[.ab.]]', 'Invalid collation character'],
  ['[:space:]', 'character class syntax is [[:space:]], not [:space:]'],
  ['a{2,1}', 'Invalid content of \\{\\}, at character 2'],
  ['a{}', 'Invalid content of \\{\\}'],
  ['a{40000}', 'Regular expression too big'],
  ['(a{1000}){1000}', 'Regular expression too big'],
  ['('.repeat(1000), 'Regular expression too big'],
  [`a${'*'.repeat(1000)}`, 'Regular expression too big'],
  ['a\\', 'Trailing backslash, at character 2'],
  ['(a)\\1', 'Back-references are not supported'],
  ['\\1', 'Invalid back reference'],
])('%j is refused with the place and the sentence', (pattern, sentence) => {
  expect(() => compileRegex(pattern)).toThrow(expect.objectContaining({ code: 'PATTERN_SYNTAX' }))
  expect(() => compileRegex(pattern)).toThrow(sentence)
})

test.each([
  ['a)', 'a)', true],
  ['{', '{', true],
  ['{"level"', '{"level"', true],
  ['a{1', 'a{1', true],
  ['a{1,x}', 'a{1,x}', true],
  ['{1}a', '{1}a', true],
  ['^{}$', '{}', true],
  ['^({}|{}a)$', '{}a', true],
  ['^{}*$', '{}}', true],
  ['^{{}}$', '{{}}', true],
  ['^{}', '', false],
  ['{1}a', 'a', true],
  ['^{1,2}a', 'ba', false],
  ['x|({2})', '', true],
  ['a{,2}b', 'b', true],
  ['*a', 'a', true],
  ['^*a', 'ba', false],
  ['+a', 'a', true],
  ['^+a', 'ba', false],
  ['b|(?a)', 'a', true],
  ['(|a)b', 'b', true],
  ['a||b', '', true],
  ['\\/', '/', true],
  ['\\d', 'd', true],
  ['\\d', '7', false],
  ['[\\d]', '\\', true],
  ['a]', 'a]', true],
])('as in grep: %j on %j matches: %s', (pattern, text, expected) => {
  expect(matches(pattern, text)).toBe(expected)
})

test('with the option `digits`, \\d matches a digit', () => {
  expect(matches('^\\d+\\D$', '42x', { digits: true })).toBe(true)
  expect(matches('^\\d$', 'd', { digits: true })).toBe(false)
})

test('several patterns: any may match; a line feed separates two; an empty list matches nothing', () => {
  expect(matches(['a', 'b'], 'xb')).toBe(true)
  expect(matches('a\nb', 'xb')).toBe(true)
  expect(matches('a\n', 'x')).toBe(true)
  expect(matches([], 'x')).toBe(false)
  expect(matches(['.*', 'a('], 'a(', { syntax: 'fixed' })).toBe(true)
  expect(matches('.', 'x', { syntax: 'fixed' })).toBe(false)
})

test('a message of several lines: anchors match at each line, and `.` and negated sets do not match a line feed', () => {
  const text = 'first\nsecond line\nthird'
  for (const pattern of ['^second', 'first$', '^second line$', '^third$', '\\`first', "third\\'", '[[:space:]]third']) {
    expect([pattern, matches(pattern, text)]).toEqual([pattern, true])
  }
  for (const pattern of ['first.second', 'first[^a]second', 'first\\Wsecond', '\\`second', "line\\'", '^line']) {
    expect([pattern, matches(pattern, text)]).toEqual([pattern, false])
  }
  expect(matches('second line', text, { wholeLine: true })).toBe(true)
  expect(matches('second', text, { wholeLine: true })).toBe(false)
})

test('a byte that is not UTF-8 is one character: `.` and negated sets match it, classes and \\w do not', () => {
  const text = Buffer.from([0x61, 0xff, 0x62, 0xc3, 0x63, 0xe2, 0x82, 0x64])
  for (const pattern of ['a.b', 'a[^x]b', 'b.c', 'c..d', '^a.b.c..d$', 'a\\W', 'a\\>', 'a\\S']) {
    expect([pattern, matches(pattern, text)]).toEqual([pattern, true])
  }
  for (const pattern of ['c.d', 'a\\wb', 'a[[:print:]]b', 'a[[:alpha:]]', 'a\\s']) {
    expect([pattern, matches(pattern, text)]).toEqual([pattern, false])
  }
})

test('overlong forms, surrogates and codes beyond Unicode are single bytes, not characters', () => {
  expect(matches('^..$', Buffer.from([0xc0, 0xaf]))).toBe(true)
  expect(matches('/', Buffer.from([0xc0, 0xaf]))).toBe(false)
  expect(matches('^...$', Buffer.from([0xed, 0xa0, 0x80]))).toBe(true)
  expect(matches('^....$', Buffer.from([0xf4, 0x90, 0x80, 0x80]))).toBe(true)
  expect(matches('^.$', '\u{10ffff}')).toBe(true)
})

test('ranges are by code; case is folded beyond ASCII, but never between ASCII and other characters', () => {
  expect(matches('^[à-ÿ]+$', 'éü')).toBe(true)
  expect(matches('ÉTÉ', 'été', { ignoreCase: true })).toBe(true)
  expect(matches('σ', 'ς', { ignoreCase: true })).toBe(true)
  expect(matches('[а-я]', 'Ж', { ignoreCase: true })).toBe(true)
  expect(matches('k', '\u212a', { ignoreCase: true })).toBe(false)
  expect(matches('s', 'ſ', { ignoreCase: true })).toBe(false)
})

test('find: the leftmost-longest match', () => {
  const text = Buffer.from('xx abc abcd')
  const regex = compileRegex('ab|abc|abcd|c a')
  expect(regex.find(text)).toBe(true)
  expect([regex.matchStart, regex.matchEnd]).toEqual([3, 6])
  expect(compileRegex('z').find(text)).toBe(false)
  const empty = compileRegex('z*')
  expect(empty.find(text, 3, 6)).toBe(true)
  expect([empty.matchStart, empty.matchEnd]).toEqual([3, 3])
})

test('findAll with whole words: at each place, the longest match that ends at the end of a word', () => {
  expect(parts(compileRegex('u[0-9]*', { wholeWord: true }), Buffer.from('u1 au2 u345x u6'))).toEqual(['u1', 'u6'])
  expect(parts(compileRegex('a-?b?', { wholeWord: true }), Buffer.from('a-bc a-b'))).toEqual(['a', 'a-b'])
})

test('only the text between the bounds is matched', () => {
  const text = Buffer.from('foobarfoo')
  expect(compileRegex('foo').test(text, 3, 6)).toBe(false)
  expect(compileRegex('^bar$').test(text, 3, 6)).toBe(true)
  expect(compileRegex('bar', { wholeWord: true }).test(text, 3, 6)).toBe(true)
  expect(compileRegex('arf').test(text, 3, 7)).toBe(true)
  expect(compileRegex('arf').test(text, 3, 6)).toBe(false)
})

test('testEach gives the result of `test` for each message, wherever literals occur', () => {
  const word = fc.constantFrom('fail', 'failed', 'fa', 'il', 'ed', ' ', 'x', 'é', '')
  const message = fc.array(word, { maxLength: 6 }).map((words) => words.join(''))
  const pattern = fc.constantFrom('failed', 'fail.*ed', 'fail', '^fail', 'ed$', 'fail|ed', 'iled f', 'x{2}', '')
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 20 }),
      pattern,
      fc.constantFrom('', '\n', 'fai'),
      (texts, given, gap) => {
        const bytes = texts.map((text) => Buffer.from(text + gap))
        const bounds = new Uint32Array(2 * texts.length)
        let at = 0
        bytes.forEach(({ length }, i) => {
          bounds.set([at, at + length - gap.length], 2 * i)
          at += length
        })
        const into = new Uint8Array(texts.length).fill(9)
        compileRegex(given).testEach(Buffer.concat(bytes), bounds, texts.length, into)
        expect([...into]).toEqual(texts.map((text) => (matches(given, text) ? 1 : 0)))
      },
    ),
    // The literal begins between two messages, and ends in the second one.
    { examples: [[['failed', 'led'], 'failed', 'fai']] },
  )
})

test.each([
  ['Failed password', [['Failed password']]],
  ['a.*bcd|efg', [['a', 'bcd'], ['efg']]],
  [
    '(foo|bar)baz',
    [
      ['foo', 'baz'],
      ['bar', 'baz'],
    ],
  ],
  ['ab+c', [['ab', 'bc']]],
  ['x(yz){2}', [['xyzyz']]],
  ['^abc$', [['abc']]],
  ['a?b*', [[]]],
  ['abc|x*', [[]]],
  ['[ab]c', [['c']]],
  ['\\<word\\>', [['word']]],
  ['', [[]]],
])('literals of %j', (pattern, ways) => {
  expect(compileRegex(pattern).literals).toEqual(ways)
})

test('with ignoreCase, literals are ASCII in lower case', () => {
  expect(compileRegex('FAILED für U', { ignoreCase: true }).literals).toEqual([['failed f', 'r u']])
})

test('a text that matches contains the literals of at least one alternative', () => {
  const piece = fc.constantFrom('a', 'b', 'ab', '.', '(a|b)', '(ab|)', 'a+', 'b?', 'c{2}', '(abc){1,2}', '|', '^', '$')
  const pattern = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'ab', 'abc'), { maxLength: 8 }).map((words) => words.join(''))
  fc.assert(
    fc.property(pattern, text, fc.boolean(), (given, line, ignoreCase) => {
      const regex = compileRegex(given, { ignoreCase })
      if (!regex.test(Buffer.from(line))) return
      expect(regex.literals.some((way) => way.every((literal) => line.includes(literal)))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('matching takes time in proportion to the text, also for patterns that cause catastrophic backtracking', () => {
  const text = Buffer.from('a'.repeat(200_000))
  for (const pattern of ['(a*)*b', '(a|aa)+$b', '(a?){50}a{50}b', '(.*)(.*)(.*)(.*)x', '([a-z]+)*[0-9]']) {
    const before = process.cpuUsage().user
    expect(compileRegex(pattern).test(text)).toBe(false)
    expect(process.cpuUsage().user - before).toBeLessThan(1_000_000)
  }
})

/** `length` characters, a or c, in no regular order. */
function randomText(length: number): Buffer {
  let seed = 1
  return Buffer.alloc(length).map(() => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return (seed >> 16) % 2 === 0 ? 0x61 : 0x63
  }) as Buffer
}

test('a transition table that fills up is cleared, and the result stays correct', () => {
  // Every sequence of 14 characters is a state of its own: 2^14 of them.
  const regex = compileRegex('a.{14}b')
  const text = randomText(60_000)
  expect(regex.test(text)).toBe(false)
  expect(regex.test(Buffer.concat([text, Buffer.from('accccccccccccccb')]))).toBe(true)
})

test('a text that leads to a new state with each character does not build a state for each', () => {
  const regex = compileRegex('a.{200}b')
  const states = vi.spyOn(Map.prototype, 'set')
  try {
    expect(regex.test(randomText(100_000))).toBe(false)
    expect(states.mock.calls.length).toBeLessThan(20_000)
  } finally {
    states.mockRestore()
  }
})

test('a step of the program is found again after any number of transitions', () => {
  // `a.{14}b` makes nearly every character a new transition; `z` is looked for only after a `q`.
  for (let between = 0; between < 600; between += 1) {
    const text = Buffer.concat([Buffer.from('qa'), randomText(between), Buffer.from('qz')])
    expect(compileRegex('a.{14}b|qz').test(text), `${between} characters`).toBe(true)
  }
})
