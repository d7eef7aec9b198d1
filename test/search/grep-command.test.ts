// `sluice grep` run as a process on an archive on disk.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testWith } from '../end-to-end/peers.ts'
import { run } from '../end-to-end/program.ts'
import { writeArchive, type Received } from './written-archive.ts'

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname
const hasPrlimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0
const SECOND = 1_000_000
const START = Date.UTC(2026, 10, 20, 10) * 1000
const BINARY = Buffer.concat([
  Buffer.from('<34>Nov 20 10:09:00 mail-1 postfix[9]: bytes \x1b[31m'),
  Buffer.from([0xff, 0xfe]),
])

let folder = ''
let archive = ''
let lines: string[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-grep-'))
  archive = join(folder, 'sluice-data', 'archive')
  const messages: Received[] = []
  for (let i = 0; i < 400; i += 1) {
    const time = new Date((START + i * SECOND) / 1000).toISOString().slice(11, 19)
    const program = ['sshd', 'su', 'cron'][i % 3]
    const line = `web-${i % 4} ${program}[${100 + (i % 7)}]: attempt ${i} of user u${i % 13} ${i % 5 === 0 ? 'Failed' : 'passed'}`
    messages.push({ text: `<${32 + (i % 8)}>Nov 20 ${time} ${line}`, received: START + i * SECOND })
    lines.push(line)
  }
  messages.push({ text: BINARY, received: START + 600 * SECOND })
  messages.push({
    text: '<165>1 2026-11-20T10:12:00.000003Z db-1 evntslog 77 ID47 [x@1 iut="3"] two\nlines',
    received: START + 720 * SECOND,
  })
  writeArchive(archive, '2026-11-20', messages.slice(0, 200), 32)
  writeArchive(archive, '2026-11-21', messages.slice(200), 64)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const grep = (...words: string[]) => run(['grep', ...words], { cwd: folder })
const inArchive = (...words: string[]) => grep('--archive', archive, ...words)

test('-c counts as many lines as GNU grep does, for many patterns and flags', async () => {
  const input = lines.map((line) => `${line}\n`).join('')
  for (const words of [
    ['Failed'],
    ['user u1\\b'],
    ['-w', 'u1'],
    ['-i', 'FAILED$'],
    ['-v', 'web-[12]'],
    ['-F', '[101]:'],
    ['-x', 'web-0 sshd.*Failed'],
    ['-e', 'attempt 7 ', '-e', 'u12 F'],
    ['^web-3 su'],
    ['nothing of the kind'],
  ]) {
    const { stdout } = spawnSync(
      'grep',
      ['-E', '-c', ...words].filter((w, _, all) => !(w === '-E' && all.includes('-F'))),
      {
        ...{ input, encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } },
      },
    )
    // An inverted search also finds the two messages of the archive that are not in `lines`.
    const more = words.includes('-v') ? 2 : 0
    const { stdout: ours } = await inArchive('-c', ...words)
    expect([words, Number(ours)]).toEqual([words, Number(stdout) + more])
  }
})

test('-O short, the default, prints the traditional timestamp, host, program, pid and message', async () => {
  const { stdout, status } = await inArchive('--utc', 'attempt 5 ')
  expect(stdout).toBe('Nov 20 10:00:05 web-1 cron[105]: attempt 5 of user u5 Failed\n')
  expect(status).toBe(0)
})

// systemd's manual, journalctl(1): `--utc` expresses times in UTC; it does not mention the arguments of --since.
test('--utc applies to printed times only: -S and -U are in the local zone of the user', () => {
  const words = ['--utc', '-S', '2026-11-20 05:00:05', '-U', '2026-11-20 05:00:06']
  const env = { ...process.env, TZ: 'America/New_York' }
  const { stdout } = spawnSync(process.execPath, [MAIN, 'grep', '--archive', archive, ...words], {
    encoding: 'utf8',
    env,
  })
  expect(stdout.split('\n').map((line) => line.slice(0, 15))).toEqual(['Nov 20 10:00:05', 'Nov 20 10:00:06', ''])
})

test('-O cat prints the message text only, -O raw the bytes as they came', async () => {
  expect((await inArchive('-O', 'cat', 'attempt 5 ')).stdout).toBe('attempt 5 of user u5 Failed\n')
  const raw = spawnSync(process.execPath, [MAIN, 'grep', '--archive', archive, '-O', 'raw', '-t', 'postfix'])
  expect(raw.stdout).toEqual(Buffer.concat([BINARY, Buffer.from('\n')]))
})

test('-O json prints one object per line, with the keys of the json line format', async () => {
  const { stdout } = await inArchive('-O', 'json', '-t', 'evntslog')
  expect(JSON.parse(stdout)).toEqual({
    ...{
      facility: 'local4',
      severity: 'notice',
      time: '2026-11-20T10:12:00.000003Z',
      host: 'db-1',
      program: 'evntslog',
    },
    ...{ pid: '77', msgid: 'ID47', sd: { 'x@1': { iut: '3' } }, message: 'two\nlines', format: 'rfc5424', defects: [] },
    ...{ received: '2026-11-20T10:12:00.000000Z', from: '192.0.2.7', source: 'network' },
  })
  const broken: { raw: string } = JSON.parse((await inArchive('-O', 'json', '-t', 'postfix')).stdout)
  expect(Buffer.from(broken.raw, 'base64')).toEqual(BINARY)
})

test('anchors match at the start and end of each line inside a message', async () => {
  expect((await inArchive('-c', '^lines$')).stdout).toBe('1\n')
  expect((await inArchive('-o', '^lines$')).stdout).toBe('lines\n')
})

test('-S and -U limit the time, inclusive at both ends', async () => {
  expect((await inArchive('-c', '-S', '2026-11-20 10:00:10', '-U', '2026-11-20 10:00:19')).stdout).toBe('10\n')
  expect((await inArchive('-c', '-S', '@1763632800', '-U', '2026-11-20T09:59:59Z')).stdout).toBe('0\n')
})

test('-p takes a severity, which includes worse ones, or a range in either direction, by name or number', async () => {
  for (const [priority, count] of [
    ['err', 4 * 50 + 1],
    ['3', 4 * 50 + 1],
    ['warning..err', 100],
    ['err..warning', 100],
    ['0..0', 50],
  ] as const) {
    expect([priority, (await inArchive('-c', '-p', priority)).stdout]).toEqual([priority, `${count}\n`])
  }
})

test('-t and -H can be repeated and take globs; --facility takes a list', async () => {
  expect((await inArchive('-c', '-t', 's*', '-H', 'web-1', '-H', 'web-[23]')).stdout).toBe(
    `${lines.filter((line) => line.startsWith('web-1 s')).length}\n`,
  )
  expect((await inArchive('-c', '-H', 'web-?', '-t', 'su', '-t', 'cron')).stdout).toBe(
    `${lines.filter((line) => / (su|cron)\[/.test(line)).length}\n`,
  )
  expect((await inArchive('-c', '--facility', 'local4,mail')).stdout).toBe('1\n')
})

test('-W takes an expression, which can be combined with a pattern', async () => {
  expect((await inArchive('-c', '-W', 'host:web-1 severity:>=err -program:su', 'Failed')).stdout).toBe(
    `${lines.filter((line, i) => line.startsWith('web-1') && i % 8 <= 3 && i % 3 !== 1 && i % 5 === 0).length}\n`,
  )
})

test('-n prints the last matches, -r newest first, -m only the first ones, -l the hosts, -q nothing', async () => {
  const of = (numbers: number[]) => numbers.map((i) => `attempt ${i} of user u${i % 13} Failed\n`).join('')
  expect((await inArchive('-O', 'cat', '-n', '3', 'Failed')).stdout).toBe(of([385, 390, 395]))
  expect((await inArchive('-O', 'cat', '-n', '3', '-r', 'Failed')).stdout).toBe(of([395, 390, 385]))
  expect((await inArchive('-O', 'cat', '-n', '+3', 'Failed')).stdout).toBe(of([0, 5, 10]))
  expect((await inArchive('-O', 'cat', '--lines=+3', '-r', 'Failed')).stdout).toBe(of([10, 5, 0]))
  // As in journalctl, -n without a number means ten.
  expect((await inArchive('-O', 'cat', 'Failed', '-n')).stdout).toBe(
    of(Array.from({ length: 10 }, (_, i) => 350 + 5 * i)),
  )
  expect((await inArchive('-n', '-O', 'cat', '-c', 'Failed')).stdout).toBe('10\n')
  expect((await inArchive('-O', 'cat', '-m', '2', 'Failed')).stdout).toBe(of([0, 5]))
  expect((await inArchive('-l', 'u1[12]')).stdout).toBe('web-0\nweb-1\nweb-2\nweb-3\n')
  expect(await inArchive('-q', 'Failed')).toMatchObject({ status: 0, stdout: '' })
})

test('groups of neighbours, even with 0 neighbours, are separated by -- as in GNU grep', async () => {
  for (const flags of [
    ['-A', '0'],
    ['-C', '0'],
    ['-B', '0', '-A', '1'],
    ['-A', '0', '-c'],
    ['-C0', '-m', '2'],
    ['-o', '-C1'],
    ['-o', '-A', '9', '-m', '1'],
  ]) {
    const words = [...flags, 'u7 Failed']
    const input = lines.map((line) => `${line}\n`).join('')
    const { stdout } = spawnSync('grep', words, { input, encoding: 'utf8' })
    const ours = await inArchive('--context=all', ...words)
    expect([words, ours.stdout.replaceAll(/^\w{3} \d\d [\d:]{8} /gm, '')]).toEqual([words, stdout])
  }
})

test('-NUM is -C NUM and a negative -m is no limit, as in GNU grep', async () => {
  const inContext = await inArchive('-C', '2', 'u7 Failed')
  expect(await inArchive('-2', 'u7 Failed')).toEqual(inContext)
  expect(await inArchive('-C', '9', '-c2', 'u7 Failed')).toEqual(await inArchive('-c', 'u7 Failed'))
  expect(await inArchive('-12', 'u7 Failed')).toEqual(await inArchive('-C', '12', 'u7 Failed'))
  expect(await inArchive('-m', '-1', 'Failed')).toEqual(await inArchive('Failed'))
})

test('the exit status is 1 if nothing matches', async () => {
  expect(await inArchive('no such thing')).toMatchObject({ status: 1, stdout: '', stderr: '' })
  expect(await inArchive('-c', 'no such thing')).toMatchObject({ status: 1, stdout: '0\n' })
})

test.each([
  [['a(b'], 'Unmatched ( or \\('],
  [['(a)\\1'], 'Back-references are not supported'],
  [['-p', 'terrible'], 'severities are emerg, alert'],
  [['-p', '0..3..5'], 'severities are emerg, alert'],
  [['-S', 'whenever'], '"whenever" is not a time'],
  [['-S', '-1h', '-U', '-2h'], '--since: -1h is later than --until -2h'],
  [['-W', 'severty:err'], 'there is no field "severty"'],
  [['-O', 'xml'], 'formats are short, json, raw, cat'],
  [['--facility', 'nowhere'], 'facilities are kern'],
  [['-m', 'many'], 'It must be a number'],
  [['-n', 'Failed'], 'there are no line numbers'],
  [['one', 'two'], '"two" is left over'],
  [['-F', '-E', 'a|b'], '-E and -F contradict each other'],
  [['--no-such-flag'], 'unknown option'],
])('a mistake on the command line is explained and has exit status 2: %j', async (words, sentence) => {
  const { status, stdout, stderr } = await inArchive(...words)
  expect(status).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(sentence)
})

test('\\d matches the letter d, as in GNU grep, and a warning says how to match a digit', async () => {
  const words = '\\d matches the letter d, as in grep -E; write [0-9] for a digit'
  expect(await inArchive('-c', 'sshd\\d+')).toMatchObject({ status: 1, stderr: `sluice grep: warning: ${words}\n` })
  expect(await inArchive('-c', 'passe\\d$')).toMatchObject({ status: 0, stderr: `sluice grep: warning: ${words}\n` })
  for (const quiet of [['attempt \\\\d'], ['-F', '\\d'], ['-W', '/attempt \\d/'], ['[0-9]']]) {
    expect(await inArchive('-c', ...quiet)).toMatchObject({ stderr: '' })
  }
})

test('an archive that is named twice, in different spellings, is searched once', async () => {
  expect((await inArchive('--archive', `${archive}/`, '-c', 'user')).stdout).toBe('400\n')
})

test('a folder with other files in it is no archive; an empty one may be', async () => {
  const other = join(folder, 'other')
  mkdirSync(join(other, 'lost+found'), { recursive: true })
  writeFileSync(join(other, 'swept'), '')
  expect(await grep('--archive', other, 'user')).toMatchObject({ status: 1, stderr: '' })
  writeFileSync(join(other, 'notes'), '')
  const { status, stderr } = await grep('--archive', other, 'user')
  expect(status).toBe(2)
  expect(stderr).toContain(`there is no archive in ${other}, only other files`)
})

test('naming a data folder instead of an archive in it is an error that explains the difference', async () => {
  const data = join(folder, 'sluice-data')
  writeFileSync(join(data, 'instance'), '')
  const { status, stdout, stderr } = await grep('--archive', data, '-c', 'user')
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toContain(`${data} is a data folder and no archive; archives are folders in it`)
})

test('a missing or damaged archive has exit status 2, and everything that can be read is searched', async () => {
  const missing = await grep('--archive', join(folder, 'nowhere'), 'x')
  expect(missing.status).toBe(2)
  expect(missing.stderr).toContain('there is no archive')
  const damaged = join(folder, 'damaged')
  writeArchive(damaged, '2026-11-20', [{ text: '<34>Nov 20 10:00:00 a b: readable', received: START }], 10)
  writeFileSync(join(damaged, '2026-11-21.db'), 'this is no database at all, but long enough to be taken for one')
  const { status, stdout, stderr } = await grep('--archive', damaged, '-O', 'cat', 'readable')
  expect({ status, stdout }).toEqual({ status: 2, stdout: 'readable\n' })
  expect(stderr).toContain('2026-11-21.db')
})

test.runIf(hasPrlimit)('an archive with more days than the process may open files is searched completely', async () => {
  const days = join(folder, 'days')
  writeArchive(days, '2026-01-01', [{ text: '<34>Jan  1 10:00:00 a b: one a day', received: START }], 10)
  for (let day = 2; day <= 150; day += 1) {
    const name = new Date(Date.UTC(2026, 0, day)).toISOString().slice(0, 10)
    copyFileSync(join(days, '2026-01-01.db'), join(days, `${name}.db`))
  }
  const under = ['prlimit', '--nofile=128:128']
  for (const [words, stdout] of [
    [['-c', 'one'], '150\n'],
    [['-O', 'cat', 'one'], 'one a day\n'.repeat(150)],
    [['-r', '-n', '2', '-C', '1', '-O', 'cat', 'one'], 'one a day\n'.repeat(3)],
  ] as const) {
    const found = await run(['grep', '--archive', days, ...words], { under })
    expect(found).toEqual({ status: 0, stdout, stderr: '' })
  }
})

test('the archive and named filters are taken from the configuration', async () => {
  const config = join(folder, 'mine.yaml')
  const text = `mode: server
data: ${join(folder, 'sluice-data')}
sources: { net: { type: syslog, listen: ["udp://127.0.0.1:5514"] } }
filters: { urgent: "severity:>=err" }
destinations: { archive: { type: archive } }
routes: [{ to: [archive] }]
`
  writeFileSync(config, text)
  const found = await grep('--config', config, '-c', '-W', 'filter:urgent')
  expect(found).toMatchObject({ status: 0, stdout: '201\n', stderr: '' })
  const unknown = await grep('--config', config, '-c', '-W', 'filter:urgnt')
  expect(unknown.status).toBe(2)
  expect(unknown.stderr).toContain('did you mean "urgent"')
  // Without --config, the first of the usual places is read. A configuration that cannot be read is an error.
  writeFileSync(join(folder, 'sluice.yaml'), text)
  expect((await grep('-c')).stdout).toBe('402\n')
  rmSync(join(folder, 'sluice.yaml'))
  writeFileSync(config, 'destinations: [')
  const broken = await grep('--config', config, '-c')
  expect(broken.status).toBe(2)
  expect(broken.stderr).toContain('mine.yaml:1:')
  expect((await grep('--config', join(folder, 'none.yaml'), '-c')).stderr).toContain('there is no such file')
})

test('the search ends without an error when the reader of a pipe exits', () => {
  const words = `grep --archive ${archive} -O cat`
  const { stdout, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" ${words} | head -n 1`], {
    encoding: 'utf8',
  })
  expect({ stdout, stderr }).toEqual({ stdout: 'attempt 0 of user u0 Failed\n', stderr: '' })
})

test('--color=always colours matches and severities; by default nothing is coloured in a pipe', async () => {
  const plain = await inArchive('-O', 'cat', '-p', '4..4', '-m', '1', 'user')
  expect(plain.stdout).not.toContain('\x1b')
  const { stdout } = await inArchive('-O', 'cat', '--color=always', '-p', '4..4', '-m', '1', 'user')
  expect(stdout).toBe('\x1b[33mattempt 4 of \x1b[1;31muser\x1b[0m\x1b[33m u4 passed\x1b[0m\n')
  // As in GNU grep, a word after `--color` and a space is the pattern.
  expect((await inArchive('--color', 'user', '-c')).stdout).toBe('400\n')
  // After `--color=` it has to be one of the three values.
  const slip = { status: 2, stdout: '', stderr: 'sluice grep: --color=user: it must be one of auto, always, never\n' }
  expect(await inArchive('--color=user', '-c')).toEqual(slip)
  expect(await inArchive('--color=user', 'Failed')).toEqual(slip)
})

test('--stats prints to standard error what was read and what was skipped', async () => {
  const { stdout, stderr } = await inArchive('--stats', '-c', 'attempt 399 ')
  expect(stdout).toBe('1\n')
  expect(stderr).toMatch(/blocks {4}\d+: [1-3] read, \d+ skipped \(text \d+\)/)
})

test('--help has examples, the options and the exit status', async () => {
  const { stdout, status } = await run(['grep', '--help'])
  expect(status).toBe(0)
  for (const word of ['Examples:', '--after-context', '-S, --since', 'Exit status']) expect(stdout).toContain(word)
})

test('a pattern that is not UTF-8 finds nothing, which a warning says; "." matches such bytes', async () => {
  const script = 'exec "$0" "$1" grep --archive "$2" "$(printf \'bytes.*\\377\')"'
  const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, MAIN, archive], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'sluice grep: warning: the pattern is not UTF-8; where such bytes are "." finds them\n',
  })
  expect(await inArchive('-c', 'bytes.*[^ -~]$')).toMatchObject({ stdout: '1\n', stderr: '' })
})

testWith(['script'], 'on a terminal, a search that cannot begin ends, and does not leave a pager waiting', async () => {
  const under = ['sh', '-c', `TERM=xterm PAGER='cat -' script -qec "$*" /dev/null`, 'sh']
  const { stdout, status } = await run(['grep', '--archive', join(folder, 'none'), 'Failed'], { under })
  expect(stdout).toContain('sluice grep: there is no archive at')
  expect(status).toBe(2)
})

testWith(
  ['script'],
  'on a terminal, results are printed without a pager if it does not exist or may not be run',
  async () => {
    for (const pager of ['nosuchpager', folder, 'cat', 'sh -c "cat; exit 1"', '']) {
      const under = ['sh', '-c', `TERM=xterm PAGER='${pager}' script -qec "$*" /dev/null`, 'sh']
      const words = ['grep', '--archive', archive, '-m', '2', '--color', 'never', 'Failed']
      const { stdout } = await run(words, { under })
      expect([pager, stdout.match(/attempt \d+/g)]).toEqual([pager, ['attempt 0', 'attempt 5']])
    }
  },
)
