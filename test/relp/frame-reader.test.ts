import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RELP_FRAME_BYTES_MAX } from '../../common/limits.ts'
import { FrameReader } from '../../common/relp/frame-reader.ts'

/**
 * Reads chunks and returns each frame as `TXNR command data`, with the parts of long messages joined by `|`. With `twice`, every frame is
 * put back once.
 */
function read(chunks: readonly (string | Buffer)[], partBytes = 1024, twice = false) {
  const reader = new FrameReader(partBytes)
  const frames: string[] = []
  for (const chunk of chunks) {
    reader.feed(Buffer.from(chunk))
    for (let step = reader.next(); step !== 'more'; step = reader.next()) {
      if (step === 'malformed') return { frames, malformed: true }
      if (twice) {
        reader.putBack()
        expect(reader.next()).toBe('frame')
      }
      const data = reader.bytes.toString('latin1', reader.start, reader.end)
      if (reader.first) frames.push(`${reader.txnr} ${reader.command} ${data}`)
      else frames.push(`${frames.pop()}|${data}`)
    }
  }
  return { frames, malformed: false }
}

const stream =
  '1 open 14 relp_version=0\n2 syslog 5 <1>ab\n3 syslog 3 \n\n\n\n4 syslog 0\n999999999 close 0\n5 rsp 6 200 OK\n'
const frames = [
  '1 open relp_version=0',
  '2 syslog <1>ab',
  '3 syslog \n\n\n',
  '4 syslog ',
  '999999999 close ',
  '5 rsp 200 OK',
]

test('frames are read completely, wherever the stream is cut', () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    expect(read([stream.slice(0, cut), stream.slice(cut)]), `cut at ${cut}`).toEqual({ frames, malformed: false })
  }
  expect(read(stream.split(''))).toEqual({ frames, malformed: false })
})

test('any frames in any chunks are read unchanged', () => {
  const frame = fc.record({
    txnr: fc.integer({ min: 0, max: 999_999_999 }),
    command: fc.stringMatching(/^[a-z]{1,32}$/),
    data: fc.uint8Array({ maxLength: 3000 }),
  })
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.nat(5000)), (given, cuts) => {
      const bytes = Buffer.concat(
        given.flatMap(({ txnr, command, data }) => [
          Buffer.from(`${txnr} ${command} ${data.length}${data.length > 0 ? ' ' : ''}`),
          Buffer.from(data),
          Buffer.from('\n'),
        ]),
      )
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) chunks.push(bytes.subarray(at, (at += cut)))
      chunks.push(bytes.subarray(at))
      const wanted = given.map(
        ({ txnr, command, data }) => `${txnr} ${command} ${Buffer.from(data).toString('latin1')}`,
      )
      expect(read(chunks, 100_000)).toEqual({ frames: wanted, malformed: false })
    }),
  )
})

test('a long message is returned in parts, wherever the stream is cut', () => {
  const text = 'abcdefghij'
  const bytes = `7 syslog 10 ${text}\n8 close 0\n`
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    expect(read([bytes.slice(0, cut), bytes.slice(cut)], 4).frames).toEqual(['7 syslog abcd|efgh|ij', '8 close '])
  }
  expect(read(['7 syslog 8 abcdefgh\n'], 4).frames).toEqual(['7 syslog abcd|efgh'])
})

test('a frame, or a part of a long message, that is put back is returned again, wherever the stream is cut', () => {
  const long = `${stream}6 syslog 2500 ${'x'.repeat(2500)}\n`
  const whole = read([long])
  expect(whole.frames.at(-1)).toContain('|')
  for (let cut = 0; cut <= long.length; cut += 1) {
    expect(read([long.slice(0, cut), long.slice(cut)], 1024, true), `cut at ${cut}`).toEqual(whole)
  }
  expect(read(long.split(''), 1024, true)).toEqual(whole)
})

test('a reader that stops between two frames continues with its own copy of the rest', () => {
  const reader = new FrameReader(1024)
  const chunk = Buffer.from('1 syslog 1 a\n2 syslog 1 b\n3 sys')
  reader.feed(chunk)
  expect(reader.next()).toBe('frame')
  reader.keep()
  chunk.fill(0)
  reader.feed(Buffer.from('log 1 c\n'))
  expect(reader.next()).toBe('frame')
  expect(reader.bytes.toString('latin1', reader.start, reader.end)).toBe('b')
  expect(reader.next()).toBe('frame')
  expect(reader.txnr).toBe(3)
  expect(reader.next()).toBe('more')
})

const malformed: [what: string, bytes: string][] = [
  ['text', 'hello'],
  ['a syslog line', '<13>Nov 20 10:00:00 a b: c\n'],
  ['an octet count', '26 <13>Nov 20 10:00:00 a b: c'],
  ['a TLS hello', '\x16\x03\x01\x02\x00'],
  ['an HTTP request', 'GET / HTTP/1.1\r\n'],
  ['ten digits of TXNR', '1234567890 syslog 1 a\n'],
  ['no command', '1  1 a\n'],
  ['33 letters of command', `1 ${'a'.repeat(33)} 1 a\n`],
  ['a command with digits', '1 syslog2 1 a\n'],
  ['a length with letters', '1 syslog a1 a\n'],
  ['no length', '1 syslog  a\n'],
  ['ten digits of length', '1 syslog 1234567890 a\n'],
  ['a negative length', '1 syslog -1 a\n'],
  ['data without a LF after it', '1 syslog 1 ab\n'],
  ['a length without data', '1 syslog 5\n'],
  ['a length that is too short', '1 syslog 1 <1>ab\n2 syslog 1 a\n'],
  ['a frame that is too large', `1 batch ${RELP_FRAME_BYTES_MAX + 1} a`],
  ['an open with a gigabyte of data', '1 open 999999999 a'],
]

test.each(malformed)('%s is malformed, wherever it is cut', (_, bytes) => {
  expect(read([bytes]).malformed).toBe(true)
  expect(read(bytes.split('')).malformed).toBe(true)
})

test('after malformed bytes nothing more is read', () => {
  const reader = new FrameReader(1024)
  reader.feed(Buffer.from('1 syslog 1 ab\n\n'))
  expect(reader.next()).toBe('malformed')
  reader.feed(Buffer.from('1 syslog 1 a\n'))
  expect(reader.next()).toBe('malformed')
})

test('memory grows with the bytes that have arrived, not with the announced length', () => {
  const reader = new FrameReader(16 * 1024 * 1024)
  reader.feed(Buffer.from(`1 batch ${RELP_FRAME_BYTES_MAX} abc`))
  expect(reader.next()).toBe('more')
  expect(reader.heldBytes).toBeLessThan(2048)
})
