import { describe, expect, test } from 'vitest'
import type { FramingMode } from '../../common/framing/stream-splitter.ts'
import { Collected, split, splitter } from './collect.ts'
import { brokenStreams } from './broken-streams.ts'

const bare = (text: string) => text.replaceAll(/[\n\r\0]/g, '')

/** Whether `given` is `stream` without framing: only digits and blanks of counts may be missing. */
function isWhole(stream: string, given: string): boolean {
  let at = 0
  for (const byte of bare(stream)) {
    if (given[at] === byte) at += 1
    else if (!/[0-9 ]/.test(byte)) return false
  }
  return at === given.length
}

const modes: readonly FramingMode[] = ['auto', 'newline', 'octet']
const named = brokenStreams.map((stream) => [JSON.stringify(stream.slice(0, 50)), stream] as const)

test('there are enough of them', () => {
  expect(new Set(brokenStreams).size).toBeGreaterThan(150)
})

describe('broken streams', () => {
  test.each(named)('%s comes out whole, however it is cut', (_, stream) => {
    for (const mode of modes) {
      const whole = split([stream], { mode })
      expect(isWhole(stream, bare(whole.map(({ text }) => text).join('')))).toBe(true)
      if (mode === 'newline') expect(bare(whole.map(({ text }) => text).join(''))).toBe(bare(stream))
      for (const size of stream.length > 1000 ? [997, 4096] : [1, 2, 3, 7]) {
        const chunks = []
        for (let at = 0; at < stream.length; at += size) chunks.push(stream.slice(at, at + size))
        expect(split(chunks, { mode })).toEqual(whole)
      }
    }
  })

  test.each(named)('%s does not stop the stream: after a silence the next message is read', (_, stream) => {
    const out = new Collected()
    const one = splitter(out)
    one.feed(Buffer.from(stream, 'latin1'))
    one.flush()
    one.feed(Buffer.from('<13>next\n5 <13>z'))
    expect(out.given.slice(-2).map(({ text }) => text)).toEqual(['<13>next', '<13>z'])
    expect(one.heldBytes).toBe(0)
  })
})
