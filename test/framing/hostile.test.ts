import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { split } from './collect.ts'
import { HOSTILE } from './hostile.ts'
import { referenceSplit } from './reference.ts'

const MODES = ['auto', 'newline', 'octet'] as const

test('there are at least 150 hostile streams, all different', () => {
  expect(HOSTILE.length).toBeGreaterThanOrEqual(150)
  expect(new Set(HOSTILE.map(([, stream]) => stream)).size).toBe(HOSTILE.length)
  expect(new Set(HOSTILE.map(([what]) => what)).size).toBe(HOSTILE.length)
})

describe.each(MODES)('%s framing', (mode) => {
  test.each(HOSTILE)('%s', (_, stream) => {
    const frames = referenceSplit(stream, mode)
    expect(split([stream], { mode })).toEqual(frames)
    // Cut into single bytes; long streams into larger pieces at arbitrary positions, to save time.
    const step = stream.length > 5000 ? 997 : 1
    const chunks = Array.from({ length: Math.ceil(stream.length / step) }, (__, i) =>
      stream.slice(i * step, (i + 1) * step),
    )
    expect(split(chunks, { mode })).toEqual(frames)
  })
})

// Only octet counts and byte order marks, which are framing, may be missing from the output.
test.each(HOSTILE)('no byte of text is lost: %s', (_, stream) => {
  const given = split([stream])
    .map(({ text }) => text)
    .join('')
    .replaceAll(/[\n\r\0]/g, '')
  let at = 0
  let missing = ''
  for (const byte of stream.replaceAll(/[\n\r\0]/g, '')) {
    if (given[at] === byte) at += 1
    else missing += byte
  }
  expect(at).toBe(given.length)
  expect(missing).toMatch(/^((?:\xef\xbb\xbf)?(\d+ )?)*$/)
})

test.each(HOSTILE)(
  'longer than max_message, the result does not depend on where the stream is cut: %s',
  (_, stream) => {
    if (stream.length > 5000) return
    const settings = { messageBytesMax: 16, id: 'x' }
    expect(split([...stream], settings)).toEqual(split([stream], settings))
  },
)

test('concatenated hostile streams, cut anywhere, are split like the reference splits them', () => {
  const short = HOSTILE.map(([, stream]) => stream).filter((stream) => stream.length < 200)
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...short), { maxLength: 12 }),
      fc.array(fc.nat(2000), { maxLength: 12 }),
      fc.constantFrom(...MODES),
      (streams, cuts, mode) => {
        const whole = streams.join('')
        const places = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].sort((a, b) => a - b)
        const chunks = [0, ...places].map((start, i) => whole.slice(start, places[i] ?? whole.length))
        expect(split(chunks, { mode })).toEqual(referenceSplit(whole, mode))
      },
    ),
    { numRuns: 3000 },
  )
})
