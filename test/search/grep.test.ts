// Searches over blocks in memory, compared with GNU grep on the same lines.

import { expect, test } from 'vitest'
import { Grep, type GrepOptions } from '../../collector/search/grep.ts'
import { systemClock } from '../../common/clock.ts'
import type { RegexOptions } from '../../common/expression/regex/byte-regex.ts'
import { utc } from '../../common/message/zone.ts'
import { lineOf, memoryBlocks, sortTime, type Message } from './memory-archive.ts'
import { grep, interleaved, messages, ordered, realGrep, SECOND, START } from './memory-grep.ts'

const all = messages(600)
const lines = ordered(all).map(lineOf)
const patterns = [
  ...[
    'Failed password',
    'root',
    'sshd',
    '10\\.0\\.[0-5]\\.',
    'user u1\\b',
    '^web-2 ',
    '^web-[13] (sshd|su)',
    'closed|opened',
  ],
  ...[
    '\\[[0-9]+\\]: Failed',
    'web-1',
    'su: ',
    'd: F',
    '[[:upper:]]ber',
    'caf.$',
    '(uid=[0-9]{3}\\)|%)',
    'web-3 Failed',
  ],
  ...[
    'sshd\\[3',
    '3\\]: ',
    ': pam',
    'zzzz',
    '',
    '.',
    'naïve',
    '\\<u[0-9]\\>',
    'd\\[1',
    'port 1',
    'cron',
    '-2 s',
    'k',
    'main-1',
    '1\\]: s',
    '\\[main',
    '\\[0\\]',
  ],
]
const flagSets: [string[], RegexOptions, boolean][] = [
  [[], {}, false],
  [['-i'], { ignoreCase: true }, false],
  [['-w'], { wholeWord: true }, false],
  [['-x'], { wholeLine: true }, false],
  [['-v'], {}, true],
  [['-v', '-i', '-w'], { ignoreCase: true, wholeWord: true }, true],
]

for (const [flags, regex, invert] of flagSets) {
  test(`grep ${flags.join(' ')}: the same lines and counts as GNU grep`, async () => {
    for (const pattern of patterns) {
      const expected = realGrep([...flags, '-e', pattern], lines)
      const { output, found } = await grep(memoryBlocks(all, 50), {
        ...{ pattern, regex, invert, print: { format: 'short' } },
      })
      const text = output.replaceAll(/^\w{3} \d\d \d\d:\d\d:\d\d /gm, '')
      expect([pattern, text]).toEqual([pattern, expected])
      expect(found).toBe(expected !== '')
      if (invert && pattern === '') continue // grep -vc '' prints nothing at all
      const count = await grep(memoryBlocks(all, 50), { pattern, regex, invert, print: 'count' })
      expect([pattern, count.output]).toEqual([pattern, realGrep([...flags, '-c', '-e', pattern], lines)])
    }
  })
}

test('grep -o: the same matching parts as GNU grep', async () => {
  for (const pattern of patterns) {
    const { output } = await grep(memoryBlocks(all, 64), { pattern, print: { partsOnly: true } })
    expect([pattern, output]).toEqual([pattern, realGrep(['-o', '-e', pattern], lines)])
  }
})

test('grep -m: the search stops after the given number of matches', async () => {
  const { output, stats } = await grep(memoryBlocks(all, 20), { pattern: 'Failed', most: 3, print: { format: 'cat' } })
  expect(output.split('\n').length - 1).toBe(3)
  expect(stats.read).toBeLessThan(10)
})

test('grep -m 0: nothing is printed, not even a count, and nothing is found, as in GNU grep', async () => {
  for (const [flags, print] of [
    [[], {}],
    [['-c'], 'count'],
    [['-o'], { partsOnly: true }],
  ] as const) {
    const expected = realGrep(['-m', '0', ...flags, '-e', 'root'], lines)
    expect(await grep(memoryBlocks(all, 20), { pattern: 'root', most: 0, print })).toMatchObject({
      ...{ found: false, output: expected },
    })
  }
})

test.each([
  ['-n N: the last matches', false, -7, undefined],
  ['-n +N: the first matches', true, 0, 7],
] as const)(
  'grep %s, with and without -r, as in journalctl, without reading all blocks',
  async (_, oldest, from, to) => {
    const expected = lines.filter((line) => line.includes('root')).slice(from, to)
    const wanted = { pattern: 'root', last: 7, oldest, print: { format: 'short' } as const }
    for (const reverse of [false, true]) {
      const { output, stats } = await grep(memoryBlocks(all, 33), { ...wanted, reverse })
      expect(linesOf(output)).toEqual(reverse ? [...expected].reverse() : expected)
      expect(stats.read).toBeLessThan(19)
    }
  },
)

const linesOf = (output: string) =>
  output
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(16))

test('order: by time, equal times in intake order; receipt counts if a time is missing or over an hour ahead', async () => {
  const at = (seconds: number) => START + seconds * SECOND
  const given: Message[] = [
    { host: 'a', message: 'third', time: at(30), received: at(30) },
    { host: 'b', message: 'fourth', time: at(30), received: at(31) },
    { host: 'a', message: 'first, late', time: at(1), received: at(32) },
    { host: 'b', message: 'fifth, no time', received: at(33) },
    { host: 'a', message: 'sixth, far ahead', time: at(34 + 3601), received: at(34) },
    { host: 'a', message: 'last, less than an hour ahead', time: at(3600), received: at(35) },
    { host: 'c', message: 'second', time: at(2), received: at(36) },
  ]
  for (const size of [1, 2, 3, 7]) {
    const { output } = await grep(memoryBlocks(given, size))
    expect(output.split('\n').slice(0, -1)).toEqual(
      ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'last'].map((word) => expect.stringMatching(`^${word}`)),
    )
    const { output: reversed } = await grep(memoryBlocks(given, size), { reverse: true })
    expect(reversed).toBe(
      output
        .split('\n')
        .slice(0, -1)
        .reverse()
        .map((line) => `${line}\n`)
        .join(''),
    )
  }
})

test('grep -l: the hosts that have a match, each once, sorted by name', async () => {
  const { output, found } = await grep(memoryBlocks(all, 40), { pattern: '^web-[012] .*root', print: 'hosts' })
  expect(output).toBe('web-0\nweb-1\nweb-2\n')
  expect(found).toBe(true)
  const none = await grep(memoryBlocks(all, 40), { pattern: 'zzz', print: 'hosts' })
  expect(none).toMatchObject({ output: '', found: false })
})

test('grep -l: control bytes in host names are escaped on a terminal and unchanged in a pipe', async () => {
  const steers = memoryBlocks([{ host: 'a\x1b[2J\nb', message: 'x', received: START }], 1)
  expect((await grep(steers, { print: 'hosts', escapesHosts: true })).output).toBe('a#033[2J\n    b\n')
  expect((await grep(steers, { print: 'hosts' })).output).toBe('a\x1b[2J\nb\n')
})

test('grep -q: the search stops at the first match', async () => {
  const { output, found, stats } = await grep(memoryBlocks(all, 10), { pattern: 'root', print: 'nothing' })
  expect(output).toBe('')
  expect(found).toBe(true)
  expect(stats.read).toBeLessThan(4)
})

test('blocks without a possible match are skipped, and counted by reason', async () => {
  const blocks = memoryBlocks(all, 10)
  const asked = [
    [{ where: 'since:2026-11-20T10:09:30Z' }, 'time'],
    [{ where: 'host:nowhere' }, 'host'],
    [{ where: 'program:nothing' }, 'program'],
    [{ where: 'facility:local7 severity:emerg' }, 'priority'],
    [{ where: '"no such text"' }, 'text'],
    [{ pattern: 'no (such|other) text' }, 'text'],
    [{ pattern: 'NO SUCH text', regex: { ignoreCase: true } }, 'text'],
  ] as const
  for (const [query, reason] of asked) {
    const { stats } = await grep(blocks, { ...query, print: 'count' })
    expect([reason, stats.skipped[reason] > 40]).toEqual([reason, true])
    expect(stats.read).toBeLessThan(20)
  }
})

test('grep -c without a pattern is answered from the summaries of blocks, without reading them', async () => {
  const blocks = memoryBlocks(all, 10)
  const { output, stats } = await grep(blocks, { print: 'count' })
  expect(output).toBe('600\n')
  expect(stats.read).toBe(0)
  const since = await grep(blocks, { where: 'since:2026-11-20T10:05:00Z', print: 'count' })
  expect(since.output).toBe(`${all.filter((message) => sortTime(message) >= START + 300 * SECOND).length}\n`)
  expect(since.stats.read).toBeLessThan(3)
})

test('an expression over fields and a pattern together select the messages that match both', async () => {
  const { output } = await grep(memoryBlocks(all, 25), {
    ...{ where: 'severity:>=warning host:web-1,web-2 -program:cron', pattern: 'root', print: 'count' },
  })
  const expected = all.filter(
    ({ host, program, priority = 13, ...message }) =>
      (priority & 7) <= 4 &&
      ['web-1', 'web-2'].includes(host) &&
      program !== 'cron' &&
      lineOf({ host, ...message, ...(program !== undefined && { program }) }).includes('root'),
  )
  expect(output).toBe(`${expected.length}\n`)
})

test('an inverted search without a pattern selects nothing, since every line matches', async () => {
  expect(await grep(memoryBlocks(all, 10), { invert: true })).toMatchObject({ found: false, output: '' })
})

test('the search ends when the reader has closed the output', async () => {
  const blocks = memoryBlocks(all, 10)
  let writes = 0
  const options: GrepOptions = {
    query: { where: { kind: 'all' } },
    print: { format: 'cat', partsOnly: false, color: false, escape: false, zone: utc },
    ...{ reverse: false, most: Infinity, last: Infinity, zone: utc },
  }
  const search = new Grep(options, { write: () => Promise.resolve((writes += 1) < 2) }, systemClock)
  expect(await search.run(blocks)).toBe(true)
  expect(search.stats.read).toBeLessThan(10)
})

test('if all blocks overlap in time, each is opened a few times, not once per message', async () => {
  const many = messages(6000).map((message, i) => ({ ...message, time: START + i, received: START + i }))
  for (const asked of [{}, { pattern: 'root' }, { reverse: true }, { pattern: 'root', last: 500 }]) {
    const blocks = interleaved(many, 120)
    const { output } = await grep(blocks, { ...asked, print: { format: 'short' } })
    const expected = many.map(lineOf).filter((line) => line.includes(asked.pattern ?? ''))
    if (asked.last) expected.splice(0, expected.length - asked.last)
    expect(linesOf(output)).toEqual(asked.reverse ? expected.toReversed() : expected)
    expect(Math.max(...blocks.map(({ opened }) => opened))).toBeLessThanOrEqual(3)
  }
})
