// Searches over blocks in memory, compared with GNU grep on the same lines.

import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Grep, type GrepOptions } from '../../collector/search/grep.ts'
import type { WriterOptions } from '../../collector/search/entry-writer.ts'
import type { StoredBlock } from '../../collector/search/stored-block.ts'
import { systemClock } from '../../common/clock.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { compileRegex, type RegexOptions } from '../../common/expression/regex/byte-regex.ts'
import { utc } from '../../common/message/zone.ts'
import { lineOf, MemoryBlock, memoryBlocks, sortTime, type Message } from './memory-archive.ts'

const START = Date.UTC(2026, 10, 20, 10) * 1000
const SECOND = 1_000_000

interface Asked extends Partial<Omit<GrepOptions, 'query' | 'print'>> {
  readonly pattern?: string | string[]
  readonly regex?: RegexOptions
  readonly invert?: boolean
  readonly where?: string
  readonly print?: 'count' | 'hosts' | 'nothing' | Partial<WriterOptions>
}

async function grep(blocks: readonly StoredBlock[], asked: Asked = {}) {
  const pattern = asked.pattern === undefined ? undefined : compileRegex(asked.pattern, asked.regex)
  const chunks: Buffer[] = []
  const writer: WriterOptions = { format: 'cat', partsOnly: false, pattern, color: false, escape: false, zone: utc }
  const options: GrepOptions = {
    ...{ reverse: false, most: Infinity, last: Infinity, zone: utc },
    ...asked,
    query: { where: parseExpression(asked.where ?? ''), pattern, invert: asked.invert ?? false },
    print: typeof asked.print === 'string' ? asked.print : { ...writer, ...asked.print },
  }
  const target = {
    write: (bytes: Buffer) => {
      chunks.push(Buffer.from(bytes))
      return Promise.resolve(true)
    },
  }
  const search = new Grep(options, target, systemClock)
  const found = await search.run(blocks)
  return { found, output: Buffer.concat(chunks).toString(), stats: search.stats }
}

// Generates log messages from a fixed seed, so that failures are reproducible.
function messages(count: number, hosts = 4): Message[] {
  let seed = 42
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return (seed >> 8) % below
  }
  const texts = [
    () => `Failed password for invalid user u${random(50)} from 10.0.${random(9)}.${random(256)} port ${random(65536)}`,
    () => `Accepted publickey for root from 10.1.${random(9)}.${random(256)}`,
    () => `pam_unix(sshd:session): session opened for user u${random(50)}(uid=${random(1000)})`,
    () => `connection from web-${random(5)} closed, ${random(100)}% done`,
    () => `Überlauf in [kworker/${random(8)}:${random(4)}]: naïve café`,
    () => `sshd[${random(9)}]: nested tag; root logged out`,
  ]
  return Array.from({ length: count }, (_, i) => ({
    time: START + i * SECOND - random(3) * SECOND,
    received: START + i * SECOND,
    host: `web-${random(hosts)}`,
    priority: random(24) * 8 + random(8),
    message: texts[random(texts.length)](),
    ...(random(5) === 0 ? {} : { program: ['sshd', 'su', 'kernel', 'cron'][random(4)] }),
    ...(random(3) === 0 ? {} : { pid: random(9) === 0 ? 'main-1' : String(random(40)) }),
  }))
}

const ordered = (all: readonly Message[]) =>
  all
    .map((message, i) => ({ message, i }))
    .sort((a, b) => sortTime(a.message) - sortTime(b.message) || a.i - b.i)
    .map(({ message }) => message)

function realGrep(flags: string[], lines: readonly string[]): string {
  const input = lines.map((line) => `${line}\n`).join('')
  const { stdout, status, stderr } = spawnSync('grep', ['-E', ...flags], {
    ...{ input, encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } },
  })
  if (status === 2) throw new Error(stderr)
  return stdout
}

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

// Blocks that each span the whole time range, like those of copies of an archive, or of a relay that was cut off for days.
const interleaved = (all: readonly Message[], count: number) =>
  Array.from({ length: count }, (_, b) => {
    const own = all.filter((_, i) => i % count === b)
    return new MemoryBlock(own, b)
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
