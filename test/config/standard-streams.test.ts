// Standard input as lines.

import { expect, test } from 'vitest'
import { readLines } from '../../config/command/standard-streams.ts'

async function* input(...chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

/** The lines of a text that arrives in two pieces, cut at `cut`. */
async function linesOf(text: string, cut: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(input(text.slice(0, cut), text.slice(cut)), 4)) lines.push(line.toString())
  return lines
}

test.each([
  ['one\ntwo\n', ['one', 'two']],
  ['four\nfour\r\n\r\nfour', ['four', 'four', '', 'four']],
  ['fives\nnine-long\r\n', ['five', 's', 'nine', '-lon', 'g']],
])('%j has the same lines wherever it is cut', async (text, lines) => {
  for (let cut = 0; cut <= text.length; cut += 1) expect([cut, await linesOf(text, cut)]).toEqual([cut, lines])
})
