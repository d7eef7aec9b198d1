import { expect, test } from 'vitest'
import { sourceLines } from '../../config/source-lines.ts'
import { originOf } from '../fake/batch.ts'

async function* input(...chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

/** The lines of a text that arrives in two pieces, cut at `cut`. */
async function linesOf(text: string, cut: number, bytesMax: number): Promise<string[]> {
  const lines: string[] = []
  const origin = originOf({ lines: 'syslog' })
  for await (const { bytes } of sourceLines(input(text.slice(0, cut), text.slice(cut)), origin, bytesMax)) {
    lines.push(bytes.toString())
  }
  return lines
}

test.each([
  ['one\ntwo\n', ['one', 'two']],
  ['four\nfour\r\n\r\nfour', ['four', 'four', 'four']],
])('%j has the same lines wherever it is cut', async (text, lines) => {
  for (let cut = 0; cut <= text.length; cut += 1) expect([cut, await linesOf(text, cut, 5)]).toEqual([cut, lines])
})

test('every chunk of a line that is too long has the header of the line', async () => {
  const text = `<34>1 2026-11-20T10:00:00.000000+00:00 web-1 su 7 - - ${'x'.repeat(600)}\n<13>last\n`
  const whole = await linesOf(text, text.length, 500)
  expect(whole).toHaveLength(3)
  for (const [i, line] of whole.slice(0, 2).entries()) {
    const head = '<34>1 2026-11-20T10:00:00.000000+00:00 web-1 su 7 - '
    expect(line.slice(0, head.length)).toBe(head)
    expect(line.slice(head.length)).toMatch(new RegExp(`^\\[chunk@32473 id="\\w+" part="${i + 1}"\\] x+$`))
  }
  expect(whole[2]).toBe('<13>last')
})
