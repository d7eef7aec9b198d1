// Matches with their neighbours.

import { expect, test } from 'vitest'
import { lineOf, memoryBlocks, type Message } from './memory-archive.ts'
import { grep, interleaved, messages, ordered, realGrep, SECOND, START } from './memory-grep.ts'

for (const [flags, before, after] of [
  [['-A', '2'], 0, 2],
  [['-B', '1'], 1, 0],
  [['-C', '3'], 3, 3],
  [['-A', '1', '-B', '4'], 4, 1],
  [['-A', '2', '-m', '3'], 0, 2],
] as const) {
  test(`grep ${flags.join(' ')}: the same neighbours and separators as GNU grep, for one host and program`, async () => {
    const one = messages(300, 1).map((message) => ({ ...message, program: 'sshd' }))
    const most = (flags as readonly string[]).includes('-m') ? 3 : Infinity
    for (const pattern of ['root logged', 'user u1[0-9]', 'port 1', '\\[7\\]', 'publickey', 'nothing like it', 'e']) {
      const { output } = await grep(memoryBlocks(one, 16), {
        ...{ pattern, most, context: { before, after, ofAll: false }, print: { format: 'short' } },
      })
      const text = output.replaceAll(/^\w{3} \d\d \d\d:\d\d:\d\d /gm, '')
      expect([pattern, text]).toEqual([pattern, realGrep([...flags, '-e', pattern], ordered(one).map(lineOf))])
    }
  })
}

test('grep -C: neighbours are from the same host and program, and each group has only these', async () => {
  const at = (seconds: number) => ({ time: START + seconds * SECOND, received: START + seconds * SECOND })
  const given: Message[] = [
    { host: 'a', program: 'x', message: 'a1', ...at(1) },
    { host: 'b', program: 'x', message: 'b1', ...at(2) },
    { host: 'a', program: 'x', message: 'a2 hit', ...at(3) },
    { host: 'a', program: 'y', message: 'y1', ...at(4) },
    { host: 'b', program: 'x', message: 'b2 hit', ...at(5) },
    { host: 'a', program: 'x', message: 'a3', ...at(6) },
    { host: 'a', message: 'no program', ...at(7) },
    { host: 'b', program: 'x', message: 'b3', ...at(8) },
    { host: 'a', program: 'x', message: 'a4', ...at(9) },
    { host: 'a', program: 'x', message: 'a5 hit', ...at(10) },
  ]
  const context = { before: 1, after: 1, ofAll: false }
  for (const size of [1, 3, 10]) {
    const { output } = await grep(memoryBlocks(given, size), { pattern: 'hit', context })
    expect(output).toBe('a1\na2 hit\na3\n--\nb1\nb2 hit\nb3\n--\na4\na5 hit\n')
    const everything = await grep(memoryBlocks(given, size), { pattern: 'hit', context: { ...context, ofAll: true } })
    expect(everything.output).toBe('b1\na2 hit\ny1\nb2 hit\na3\n--\na4\na5 hit\n')
    const reversed = await grep(memoryBlocks(given, size), { pattern: 'a5', context, reverse: true })
    expect(reversed.output).toBe('a5 hit\na4\n')
  }
})

test('grep -n N and -n +N with -C: those very matches and their neighbours, also if a group has later matches', async () => {
  const at = (seconds: number) => ({ time: START + seconds * SECOND, received: START + seconds * SECOND })
  const given: Message[] = [
    { host: 'a', program: 'x', message: 'a1 hit', ...at(1) },
    { host: 'b', program: 'x', message: 'b1 hit', ...at(2) },
    { host: 'c', program: 'x', message: 'c1 hit', ...at(3) },
    { host: 'b', program: 'x', message: 'b2 hit', ...at(4) },
    { host: 'a', program: 'x', message: 'a2 hit', ...at(5) },
  ]
  const asked = { pattern: 'hit', last: 2, context: { before: 1, after: 1, ofAll: false } }
  for (const size of [1, 2, 5]) {
    const print = async (options: object) => (await grep(memoryBlocks(given, size), { ...asked, ...options })).output
    expect(await print({ oldest: true })).toBe('a1 hit\na2 hit\n--\nb1 hit\nb2 hit\n')
    expect(await print({ oldest: true, reverse: true })).toBe('b2 hit\nb1 hit\n--\na2 hit\na1 hit\n')
    expect(await print({})).toBe('b1 hit\nb2 hit\n--\na1 hit\na2 hit\n')
    expect(await print({ reverse: true })).toBe('a2 hit\na1 hit\n--\nb2 hit\nb1 hit\n')
  }
})

test('if all blocks overlap in time, printing neighbours opens each block a few times, not once per message', async () => {
  const many = messages(3000, 1).map((message, i) => ({
    ...message,
    program: 'sshd',
    time: START + i,
    received: START + i,
  }))
  const blocks = interleaved(many, 60)
  const context = { before: 2, after: 3, ofAll: false }
  const { output } = await grep(blocks, { pattern: 'user u1[0-9]', context, print: { format: 'short' } })
  const text = output.replaceAll(/^\w{3} \d\d \d\d:\d\d:\d\d /gm, '')
  expect(text).toBe(realGrep(['-B', '2', '-A', '3', '-e', 'user u1[0-9]'], many.map(lineOf)))
  expect(Math.max(...blocks.map(({ opened }) => opened))).toBeLessThanOrEqual(5)
})

test('neighbours: a match looks only at blocks near it, however many there are', async () => {
  let looks = 0
  const blocks = memoryBlocks(messages(2000), 1).map((block) => {
    const { timeMin } = block
    return Object.defineProperty(block, 'timeMin', { get: () => ((looks += 1), timeMin) })
  })
  const { output } = await grep(blocks, { pattern: 'user u1[0-9]', context: { before: 1, after: 1, ofAll: false } })
  expect(output.match(/^--$/gm)!.length).toBeGreaterThan(30)
  expect(looks).toBeLessThan(100 * blocks.length) // once to filter and three times to sort, at 22 a block
})
