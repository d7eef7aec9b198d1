import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HalfFrames } from '../../common/framing/half-frames.ts'
import { Collected, split, splitter, type Frame } from './collect.ts'

const texts = (frames: readonly Frame[]) => frames.map(({ text }) => text)
const plain = (...lines: string[]) => lines.map((text) => ({ text, marks: [] as string[] }))
const half = (text: string) => ({ text, marks: ['FRAME_HALF'] })
const resynchronised = (text: string) => ({ text, marks: ['FRAME_RESYNCHRONISED'] })

const LONG = `<13>${'x'.repeat(141)}`

const STREAMS: readonly [what: string, stream: string, frames: Frame[]][] = [
  ['LF', '<13>a\n<13>b\n', plain('<13>a', '<13>b')],
  ['CR LF', '<13>a\r\n<13>b\r\n', plain('<13>a', '<13>b')],
  ['NUL', '<13>a\0<13>b\0', plain('<13>a', '<13>b')],
  ['octet counts', '5 <13>a6 <13>bc', plain('<13>a', '<13>bc')],
  ['an octet-counted frame with a newline in it', '7 <13>a\nb5 <13>c', plain('<13>a\nb', '<13>c')],
  ['an octet count and a newline after each', '5 <13>a\n5 <13>b\n', plain('<13>a', '<13>b')],
  ['a count that includes the newline', '6 <13>a\n6 <13>b\n', plain('<13>a', '<13>b')],
  ['leading zeros', '005 <13>a05 <13>b', plain('<13>a', '<13>b')],
  ['a line, then a count', '<13>a\n5 <13>b', plain('<13>a', '<13>b')],
  ['a count, then a line', '5 <13>a<13>b\n', plain('<13>a', '<13>b')],
  [
    'all kinds of framing in one stream',
    '<13>a\r\n5 <13>b<13>c\0\n\n5 <13>d\n<13>e\n',
    plain('<13>a', '<13>b', '<13>c', '<13>d', '<13>e'),
  ],
  ['empty lines', '\n\n<13>a\n\r\n\0<13>b\n\n', plain('<13>a', '<13>b')],
  ['a line that begins with a number', '12 monkeys arrived\n<13>a\n', plain('12 monkeys arrived', '<13>a')],
  ['a line that is a number', '12\n<13>a\n', plain('12', '<13>a')],
  ['a number and a space', '12 \n<13>a\n', plain('12 ', '<13>a')],
  ['a line without a PRI', 'hello\nworld\n', plain('hello', 'world')],
  ['an empty stream', '', []],
  ['a line that is cut off', '<13>a\n<13>b', [...plain('<13>a'), half('<13>b')]],
  ['a count that is cut off', '<13>a\n12', [...plain('<13>a'), half('12')]],
  ['a counted frame that is cut off', '50 <13>abc', [half('<13>abc')]],
  ['a count that is too small', '5 <13>abc\n<13>d\n', [...plain('<13>a'), resynchronised('bc'), ...plain('<13>d')]],
  [
    'a count that is too small, then a count',
    '5 <13>abc\n5 <13>d',
    [...plain('<13>a'), resynchronised('bc'), ...plain('<13>d')],
  ],
  [
    'counts that are too small, and no newline',
    '5 <13>abc5 <13>d5 <13>e',
    [...plain('<13>a'), resynchronised('bc'), ...plain('<13>d', '<13>e')],
  ],
  [
    'counts of characters instead of bytes',
    Buffer.from('7 <13>äbc7 <13>def').toString('latin1'),
    [{ text: '<13>\xc3\xa4b', marks: [] }, resynchronised('c'), ...plain('<13>def')],
  ],
  [
    'counts that are too small, after a text that ends with digits',
    `148 ${LONG}port 22150 ${LONG}abcde5 <13>b`,
    [...plain(`${LONG}por`), resynchronised('t 22'), ...plain(`${LONG}abcde`, '<13>b')],
  ],
  [
    'counts that include themselves, and no newline',
    '8 <13>ab8 <13>cd8 <13>ef',
    [...plain('<13>ab8 '), resynchronised('<13>cd'), half('<13>ef')],
  ],
  ['a byte order mark before a line', '\xef\xbb\xbf<13>a\n<13>b\n', plain('<13>a', '<13>b')],
  ['a byte order mark before a count', '\xef\xbb\xbf5 <13>a5 <13>b', plain('<13>a', '<13>b')],
  ['a byte order mark before a text', '\xef\xbb\xbfa\n', plain('\xef\xbb\xbfa')],
  ['a count that is too large', '100 <13>a\n<13>b\n<13>c\n', [half('<13>a'), half('<13>b'), half('<13>c')]],
  ['a count of ten digits', '9999999999 <13>a\n<13>b\n', plain('9999999999 <13>a', '<13>b')],
  ['a count of forty digits', `${'9'.repeat(40)} <13>a\n<13>b\n`, plain(`${'9'.repeat(40)} <13>a`, '<13>b')],
  ['a count of zero', '0 <13>a\n<13>b\n', plain('0 <13>a', '<13>b')],
  ['a negative count', '-5 <13>a\n<13>b\n', plain('-5 <13>a', '<13>b')],
  ['only control bytes', '\n\r\0\r\n', []],
]

describe('streams', () => {
  test.each(STREAMS)('%s', (_, stream, frames) => {
    expect(split([stream])).toEqual(frames)
  })

  test.each(STREAMS)('%s, cut into single bytes', (_, stream, frames) => {
    expect(split([...stream])).toEqual(frames)
  })
})

test('newline mode: counts are text, and NUL is an ordinary byte', () => {
  expect(split(['5 <13>a\nx\0y\n'], { mode: 'newline' })).toEqual(plain('5 <13>a', 'x\0y'))
})

test('octet mode: a line is delivered, marked as a frame without its count', () => {
  expect(split(['<13>a\n5 <13>b'], { mode: 'octet' })).toEqual([resynchronised('<13>a'), ...plain('<13>b')])
})

describe('messages longer than max_message', () => {
  const pieceOf = (part: number) => `[chunk@32473 id="x" part="${part}"] `
  const settings = { messageBytesMax: 30, id: 'x' }

  test('a long line is delivered in pieces, and their joined texts are its text', () => {
    const text = 'abcdefghij'.repeat(12)
    const frames = split([`<13>Nov 23 10:00:00 h p[1]: ${text}\n<13>b\n`], settings)
    expect(frames.at(-1)).toEqual({ text: '<13>b', marks: [] })
    const pieces = frames.slice(0, -1)
    expect(pieces.length).toBeGreaterThan(3)
    pieces.forEach(({ text, marks }, i) => {
      expect(text).toContain(`<13>1 2026-11-23T10:00:00.000000+00:00 h p 1 - ${pieceOf(i + 1)}`)
      expect(marks).toEqual(['MESSAGE_CHUNKED'])
    })
    expect(pieces.map((piece) => piece.text.slice(piece.text.indexOf('] ') + 2)).join('')).toBe(text)
  })

  test('pieces are not split again by a second splitter with the same limit', () => {
    for (const length of [290, 310, 500, 520, 2000]) {
      const text = 'abcdefghij'.repeat(length / 10)
      const header = '<13>1 2026-11-23T10:00:00Z h p 1 m [a b="c"] '
      const pieces = split([`${header}${text}\n`], { messageBytesMax: 300, id: 'x'.repeat(32) })
      expect(pieces.length).toBeGreaterThan(1)
      const again = split([pieces.map((piece) => `${piece.text.length} ${piece.text}`).join('')], {
        messageBytesMax: 300,
        id: 'y',
      })
      expect(again).toEqual(plain(...pieces.map((piece) => piece.text)))
      expect(pieces.map((piece) => piece.text.slice(piece.text.indexOf('"] ') + 3)).join('')).toBe(text)
    }
  })

  test.each(['\n', '\r\n', '\0'])(
    'a message of exactly max_message is whole, whatever delimits it: %j',
    (delimiter) => {
      const text = `<13>${'x'.repeat(26)}`
      const streams = [`${text}${delimiter}<13>b\n`, `31 ${text}${delimiter.at(-1)}<13>b\n`]
      for (const stream of streams) {
        expect(split([stream], settings)).toEqual(plain(text, '<13>b'))
        expect(split([...stream], settings)).toEqual(plain(text, '<13>b'))
      }
      expect(split([`${text}\rx\n`], settings).length).toBeGreaterThan(1)
    },
  )

  test('a long octet-counted frame is delivered in pieces, and the next frame is found', () => {
    const body = `<13>${'x'.repeat(96)}`
    const frames = split([`100 ${body}5 <13>b`], settings)
    expect(frames.at(-1)!.text).toBe('<13>b')
    const joined = frames.slice(0, -1).map((piece) => piece.text.slice(piece.text.indexOf('] ') + 2))
    expect(joined.join('')).toBe('x'.repeat(96))
  })

  test('no UTF-8 character is split between two pieces', () => {
    const text = 'ä€😀'.repeat(20)
    const frames = split([Buffer.from(`<13>${text}\n`)], settings)
    const bytes = frames.map((piece) => Buffer.from(piece.text.slice(piece.text.indexOf('] ') + 2), 'latin1'))
    for (const piece of bytes) expect(piece.toString()).not.toContain('\ufffd')
    expect(Buffer.concat(bytes).toString()).toBe(text)
  })

  test('a header that is not valid UTF-8 is repeated byte for byte in every piece', () => {
    const frames = split([`<13>Nov 23 10:00:00 h\xfft p\xff[1]: ${'x'.repeat(100)}\n`], settings)
    expect(frames.length).toBeGreaterThan(2)
    for (const { text } of frames) expect(text).toContain('+00:00 h\xfft p\xff 1 - [chunk')
  })

  test('every byte of a line of 10 MB is delivered', () => {
    const frames = split([Buffer.alloc(10_000_000, 'y'), '\n'], { messageBytesMax: 1024 * 1024 })
    const bytes = frames.reduce((sum, { text }) => sum + text.length - text.indexOf('] ') - 2, 0)
    expect(bytes).toBe(10_000_000)
  })

  test('the largest half frame is delivered early when all half frames together exceed their bound', () => {
    const halfFrames = new HalfFrames(100)
    const [small, large] = [new Collected(), new Collected()]
    const [a, b] = [splitter(small, { halfFrames }), splitter(large, { halfFrames, id: 'x' })]
    a.feed(Buffer.from('<13>small'))
    b.feed(Buffer.from(`<13>${'x'.repeat(86)}`))
    expect(small.given).toEqual([])
    expect(large.given).toEqual([])
    a.feed(Buffer.from('er'))
    expect(large.given).toHaveLength(1)
    expect(large.given[0].marks).toEqual(['MESSAGE_CHUNKED'])
    b.feed(Buffer.from('yz\n'))
    a.feed(Buffer.from('\n'))
    expect(small.given).toEqual([{ text: '<13>smaller', marks: [] }])
    expect(large.given[1].text.endsWith(`${pieceOf(2)}yz`)).toBe(true)
    expect(halfFrames.bytes).toBe(0)
  })
})

const piece = fc.oneof(
  fc.constantFrom('\n', '\r\n', '\0', '<13>', '5 <13>a', '12 ', '7 <13>a\nb', '100 <', '12 monkeys', '<', ' ', '0'),
  fc.string({ maxLength: 12 }),
)
const stream = fc.oneof(
  fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.from(pieces.join(''))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
)

test('any stream yields the same messages and marks, wherever it is cut', () => {
  const cuts = fc.array(fc.nat(200), { maxLength: 8 })
  const settings = fc.record({
    mode: fc.constantFrom('auto' as const, 'newline' as const, 'octet' as const),
    messageBytesMax: fc.constantFrom(8, 20, 1000),
    id: fc.constant('x'),
  })
  fc.assert(
    fc.property(stream, cuts, settings, (bytes, at, given) => {
      const places = [...new Set(at.map((place) => Math.min(place, bytes.length)))].sort((a, b) => a - b)
      const chunks = [0, ...places].map((start, i) => bytes.subarray(start, places[i] ?? bytes.length))
      expect(split(chunks, given)).toEqual(split([bytes], given))
    }),
    { numRuns: 2000 },
  )
})

test('any stream: every byte that is not framing is delivered in some message', () => {
  fc.assert(
    fc.property(stream, (bytes) => {
      const framing = (text: string) => text.replaceAll(/[\n\r\0]/g, '')
      const given = framing(texts(split([bytes])).join(''))
      // Counts are framing too: only digits and the space after them may be missing.
      let at = 0
      for (const byte of framing(bytes.toString('latin1'))) {
        if (given[at] === byte) at += 1
        else expect(byte).toMatch(/[0-9 ]/)
      }
      expect(at).toBe(given.length)
    }),
    { numRuns: 2000 },
  )
})
