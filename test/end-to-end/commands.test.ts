// The commands that need no daemon: what they print, on which stream, and their exit status.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeArchive } from '../search/written-archive.ts'
import { testWith } from './peers.ts'
import { newConfig, run, runIntoClosedPipe, temporaryFolder } from './program.ts'

const good = `sources: { in: { type: syslog, listen: ["udp://127.0.0.1:0"] } }
destinations: { out: { type: file, path: "/var/log/remote/{host}.log" } }
routes: [{ where: "severity:>=err", to: [out] }]
`

test('check: exit status 0 for a valid file, and a summary of what would run', async () => {
  const { status, stdout, stderr } = await run(['check', '-c', newConfig(good)])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('route 1      everything where severity:>=err → out\n')
})

test('check: exit status 1 for faults, each of which is named', async () => {
  const path = newConfig(good.replace('listen', 'lisen').replace('severity', 'severty'))
  const { status, stdout, stderr } = await run(['check', '--config', path])
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain(`${path}:1:32 CONFIG_UNKNOWN_KEY: sources have no "lisen"; did you mean "listen"?\n`)
  expect(stderr).toContain(`${path}:3:20 CONFIG_EXPRESSION: where: there is no field "severty"`)
  expect(stderr.endsWith('3 faults\n')).toBe(true)
})

test('an empty path is a mistake on the command line', async () => {
  const flags = [
    ['check', '-c', ''],
    ['server', '--config='],
    ['explain', '-c', ''],
    ['grep', '--config', '', 'x'],
    ['grep', '--archive=', 'x'],
    ['spool', 'ls', ''],
    ['spool', 'ls', '-c', '', 'x'],
  ]
  for (const words of flags) {
    const { status, stderr } = await run(words)
    expect([words, status, stderr.split('\n')[0]]).toEqual([
      words,
      2,
      expect.stringMatching(/'' is invalid.* It must not be empty\.$/),
    ])
  }
  expect((await run(['grep', '-p', '', 'x'])).stderr).toMatch(/-p "": severities are /)
})

test('check: exit status 2 for a missing file', async () => {
  const { status, stderr } = await run(['check', '-c', '/nonexistent/sluice.yaml'])
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: '/nonexistent/sluice.yaml CONFIG_UNREADABLE: there is no such file\n',
  })
})

test.each([
  ['check', 'x.yaml'],
  ['server', 'x.yaml'],
  ['check', '-c', 'x.yaml', '-c', 'y.yaml'],
])('a configuration is named by one -c: %s %s', async (...words) => {
  const { status, stderr } = await run(words)
  expect(status).toBe(2)
  expect(stderr).toContain('(a configuration file is named by -c FILE)\n')
})

test('check and a daemon: exit status 2 for a configuration that never ends (/dev/zero)', async () => {
  for (const command of ['check', 'server']) {
    expect(await run([command, '-c', '/dev/zero'])).toEqual({
      status: 2,
      stdout: '',
      stderr: '/dev/zero CONFIG_UNREADABLE: it is larger than 4 MiB, the maximum\n',
    })
  }
})

test('a configuration can be read from a pipe', async () => {
  const under = ['sh', '-c', 'cat | "$@"', 'sh']
  const { status, stdout } = await run(['check', '-c', '/dev/stdin'], { input: good, under })
  expect({ status, first: stdout.split('\n')[0] }).toEqual({
    status: 0,
    first: '/dev/stdin: no fault. This would run:',
  })
})

test('control characters in the name of a configuration do not reach the terminal', async () => {
  const { stderr } = await run(['check', '-c', '/nowhere/a\nb\u001b[31m\u0085'])
  expect(stderr).toBe('/nowhere/a#012b#033[31m#302#205 CONFIG_UNREADABLE: there is no such file\n')
})

test('without -c, sluice.yaml in the working folder is used', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'sluice.yaml'), `${good}colour: red\n`)
  const { status, stderr } = await run(['check'], { cwd: folder })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^sluice\.yaml:4:1 CONFIG_UNKNOWN_KEY: /)
})

test('a daemon with a faulty configuration: exit status 2, and the same faults as check', async () => {
  const path = newConfig(`${good}colour: red\n`)
  const [checked, started] = [await run(['check', '-c', path]), await run(['server', '-c', path])]
  expect(started.status).toBe(2)
  expect(checked.stderr.startsWith(started.stderr)).toBe(true)
})

test('parse prints one JSON object per line; exit status 0', async () => {
  const input = '<34>Oct 11 22:14:15 web-1 su[7]: failed\nno pri\n'
  const { status, stdout } = await run(['parse', '--from', '192.0.2.7'], { input })
  expect(status).toBe(0)
  const [first, second] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(first).toMatchObject({ facility: 'auth', severity: 'crit', host: 'web-1', program: 'su', pid: '7' })
  expect(second).toMatchObject({ message: 'no pri', host: '192.0.2.7', defects: ['PRI_MISSING'] })
})

test('parse: exit status 2 for an unknown framing', async () => {
  expect((await run(['parse', '--framing', 'lines'])).status).toBe(2)
})

test.each([
  ['parse', '--from', 'notanip'],
  ['parse', '--from', '192.0.2.300'],
  ['parse', '--from', ''],
  ['explain', '--from', 'web-1'],
  ['explain', '--from', '192.0.2.7', '--from', '192.0.2.8'],
  ['explain', '--source', 'in', '--source', 'other'],
])(
  'exit status 2 for a peer that is not an address, and for a peer or source given twice: %s %s %s',
  async (...words) => {
    const { status, stdout, stderr } = await run(words, { input: 'x\n' })
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^error: option '${words[1]} <\\w+>' argument '.*' is invalid\\. `))
  },
)

test.each([['parse'], ['explain']])('%s: exit status 2 for a folder as standard input', async (...words) => {
  // Like `sluice parse < /`: the shell opens the folder, and the command inherits its descriptor.
  const under = ['sh', '-c', 'exec "$@" < /', 'sh']
  expect(await run(words, { under })).toEqual({
    status: 2,
    stdout: '',
    stderr: 'sluice: standard input: EISDIR: illegal operation on a directory, read\n',
  })
})

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await run(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` })
})

testWith(['script'], 'the log has colours on a terminal, and none on a dumb one', async () => {
  const path = newConfig(`data: /proc/none\n${good}`)
  const shown = async (terminal: string) => {
    const under = ['sh', '-c', `TERM=${terminal} NO_COLOR= script -qec "$*" /dev/null`, 'sh']
    return (await run(['server', '-c', path], { under })).stdout
  }
  const words = 'DATA_UNWRITABLE'
  const [capable, dumb] = [await shown('xterm'), await shown('dumb')]
  expect([capable.includes(words), dumb.includes(words)]).toEqual([true, true])
  expect(capable).toContain('\u001b[')
  expect(dumb).not.toContain('\u001b')
})

const commands = ['client', 'relay', 'server', 'check', 'parse', 'explain', 'spool', 'grep']

test('--help names every command, and --help of each has examples and fits on 80 columns; exit status 0', async () => {
  const all = await run(['--help'])
  expect(all.status).toBe(0)
  for (const command of commands) {
    expect(all.stdout).toMatch(new RegExp(`^  ${command} +\\S`, 'm'))
    const { status, stdout } = await run([command, '--help'])
    expect([command, status]).toEqual([command, 0])
    expect(stdout).toMatch(new RegExp(`^Usage: sluice ${command} `))
    expect(stdout).toMatch(new RegExp(`\\nExamples:\\n(.*\\n)*? +.*sluice ${command}`))
    expect(wideIn(all.stdout + stdout)).toEqual([])
  }
})

const wideIn = (text: string) => text.split('\n').filter((line) => line.length > 80)

test.each([['nosuch'], ['check', '--nosuch'], ['grep', '-m', 'many', 'x']])(
  'exit status 2 for a mistake on the command line: %s %s',
  async (...words) => {
    const { status, stdout, stderr } = await run(words)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^error: /)
  },
)

test.each(['client', 'relay', 'server'])(
  '%s --print-config prints a configuration that check accepts',
  async (mode) => {
    const { status, stdout } = await run([mode, '--print-config'])
    expect(status).toBe(0)
    expect(await run(['check', '-c', newConfig(stdout)])).toMatchObject({ status: 0, stderr: '' })
  },
)

// ── the keys that parse prints ──

async function parsed(input: string | Buffer, ...flags: string[]): Promise<unknown[]> {
  const { status, stdout, stderr } = await run(['parse', ...flags], { input })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown)
}

test('parse: every key of an RFC 5424 message', async () => {
  const input =
    '<34>1 2003-10-11T22:14:15.003Z mymachine su 77 ID47 [a@1 x="1" y="q\\"b\\]"][b@2] \u2018su root\u2019 failed\n'
  expect(await parsed(input)).toEqual([
    {
      ...{ facility: 'auth', severity: 'crit', time: '2003-10-11T22:14:15.003000Z', host: 'mymachine', program: 'su' },
      ...{ pid: '77', msgid: 'ID47', sd: { 'a@1': { x: '1', y: 'q"b]' }, 'b@2': {} } },
      ...{ message: '\u2018su root\u2019 failed', format: 'rfc5424', defects: [] },
    },
  ])
})

test('parse: fields that a message does not have are left out', async () => {
  const [nil, bare] = await parsed('<13>1 - - - - - - x\n<13>x\n')
  expect(nil).toEqual({ ...{ facility: 'user', severity: 'notice' }, message: 'x', format: 'rfc5424', defects: [] })
  expect(bare).toEqual({ ...{ facility: 'user', severity: 'notice' }, message: 'x', format: 'raw', defects: [] })
})

test('parse: a missing PRI and invalid ones', async () => {
  const inputs = ['text', '<192>text', '<>text', '<1234>text', '<x>text', '<', '<13']
  const defects = [['PRI_MISSING'], ...inputs.slice(1).map(() => ['PRI_INVALID'])]
  const expected = inputs.map((message, i) => ({
    ...{ facility: 'user', severity: 'notice', message, format: 'raw', defects: defects[i] },
  }))
  expect(await parsed(`${inputs.join('\n')}\n`)).toEqual(expected)
})

test('parse: the host is the peer if the message has none', async () => {
  const input = 'text\n<13>1 - web-1 - - - - text\n'
  expect(await parsed(input, '--from', '2001:db8::7')).toMatchObject([{ host: '2001:db8::7' }, { host: 'web-1' }])
})

test('parse: the names of all facilities and severities', async () => {
  const input = Array.from({ length: 192 }, (_, priority) => `<${priority}>x\n`).join('')
  const names = 'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock'.split(' ')
  const facilities = [...names, ...Array.from({ length: 8 }, (_, i) => `local${i}`)]
  const severities = 'emerg alert crit err warning notice info debug'.split(' ')
  const expected = facilities.flatMap((facility) => severities.map((severity) => ({ facility, severity })))
  expect(await parsed(input)).toMatchObject(expected)
})

test('parse: bytes that are not UTF-8 are replaced in message, and kept in raw', async () => {
  const bytes = Buffer.from('<13>a\xffb\xc3', 'latin1')
  expect(await parsed(Buffer.concat([bytes, Buffer.from('\n')]))).toMatchObject([
    { message: 'a\ufffdb\ufffd', raw: bytes.toString('base64') },
  ])
})

test('parse: the framing is detected for each frame, unless --framing is given', async () => {
  const input = '7 <13>one<13>two\r\n<13>three\u00005 <13>4<13>five'
  expect(await parsed(input)).toMatchObject(['one', 'two', 'three', '4', 'five'].map((message) => ({ message })))
  expect(await parsed('7 <13>one\n', '--framing', 'newline')).toMatchObject([{ message: '7 <13>one' }])
  expect(await parsed('7 <13>o\ne', '--framing', 'octet')).toMatchObject([{ message: 'o\ne' }])
})

test('parse ends silently if the reader of its output closes the pipe', async () => {
  const { status, stderr } = await runIntoClosedPipe(['parse'], '<13>hello\n'.repeat(200_000))
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

// ── grep ──

async function archiveOf(input: string): Promise<string> {
  const folder = temporaryFolder()
  const path = join(folder, 'sluice.yaml')
  writeFileSync(path, `data: ${folder}\nsources: { in: { type: stdin } }\ndestinations: { kept: { type: archive } }\n`)
  const { status, stderr } = await run(['server', '-c', path], { input })
  expect([status, stderr]).toEqual([0, expect.stringContaining('sluice is down')])
  return join(folder, 'kept')
}

test('grep: exit status 0 if a line matches, 1 if none does, 2 if it cannot search', async () => {
  const archive = await archiveOf('<13>Nov 20 10:00:00 web-1 app: needle\n<13>Nov 20 10:00:01 web-2 app: hay\n')
  const grep = (...words: string[]) => run(['grep', '--archive', archive, '--utc', ...words])
  expect(await grep('-O', 'cat', 'needle')).toEqual({ status: 0, stdout: 'needle\n', stderr: '' })
  expect(await grep('nothing')).toEqual({ status: 1, stdout: '', stderr: '' })
  expect(await grep('-c', 'nothing')).toEqual({ status: 1, stdout: '0\n', stderr: '' })
  expect(await grep('-q', 'needle')).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(await grep('-v', '-O', 'cat', 'needle')).toEqual({ status: 0, stdout: 'hay\n', stderr: '' })
  expect(await grep('-n', '1', '-O', 'cat')).toEqual({ status: 0, stdout: 'hay\n', stderr: '' })
  expect(await grep('-n', 'all', '-O', 'cat')).toEqual({ status: 0, stdout: 'needle\nhay\n', stderr: '' })
  for (const wrong of [['('], ['-W', 'nofield:x'], ['-S', 'whenever'], ['(a)\\1']]) {
    const { status, stdout, stderr } = await grep(...wrong)
    expect([wrong, status, stdout]).toEqual([wrong, 2, ''])
    expect(stderr).toMatch(/^sluice grep: ./)
  }
  const missing = await run(['grep', '--archive', `${archive}-missing`, 'x'])
  expect(missing).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('missing') })
})

test('a command whose output cannot be written (ENOSPC): exit status 2, and a message, as with GNU grep', async () => {
  const path = newConfig(good)
  const archive = await archiveOf('<13>Nov 20 10:00:00 web-1 app: needle\n')
  const input = '<34>Oct 11 22:14:15 web-1 su[7]: failed\n'
  const full = { input, under: ['sh', '-c', 'exec "$@" > /dev/full', 'sh'] }
  const search = ['grep', '--archive', archive, 'needle']
  const commands = [['parse'], ['explain', '-c', path], ['check', '-c', path], search, ['client', '--print-config']]
  for (const words of [...commands, ['grep', '--help']]) {
    const { status, stderr } = await run(words, full)
    expect([words, status, stderr]).toEqual([words, 2, expect.stringMatching(/^sluice: standard output: ENOSPC.*\n$/)])
  }
})

test('grep ends silently if the reader of its output closes the pipe', async () => {
  const archive = await archiveOf(
    '<13>Nov 20 10:00:00 web-1 app: a message of some length, many times\n'.repeat(100_000),
  )
  const { status, stdout, stderr } = await runIntoClosedPipe(['grep', '--archive', archive, 'message'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.length).toBeLessThan(1_000_000)
})

test.each(['tail x', 'hosts --silent 10m', 'status --json', 'top', 'archive ls .', 'help tail'])(
  'a command of a later version is refused by name, with exit status 2: %s',
  async (words) => {
    const { status, stdout, stderr } = await run(words.split(' '))
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^sluice (tail|hosts|status|top|archive): not in this version; a later one will .+\n$/)
  },
)

test('each example that grep --help gives is a search that can be made', async () => {
  const { stdout: help } = await run(['grep', '--help'])
  const examples = [...help.matchAll(/^  sluice grep (.*?)(?: {2,}.*| \| .*)?$/gm)].map(([, words]) => words)
  expect(examples.length).toBeGreaterThan(5)
  const archive = join(temporaryFolder(), 'archive')
  writeArchive(archive, '2026-11-20', [{ text: '<13>Nov 20 10:00:00 a b: c', received: 1_795_168_800_000_000 }], 10)
  for (const words of examples) {
    const under = ['sh', '-c', `exec "$@" --archive ${archive} ${words}`, 'sh']
    expect({ words, ...(await run(['grep'], { under })) }).toEqual({
      words,
      status: 1,
      stdout: expect.anything(),
      stderr: '',
    })
  }
})

test('grep -f is refused as a feature of a later version, with exit status 2', async () => {
  const { status, stdout, stderr } = await run(['grep', '-f', 'x'])
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toContain('this version cannot follow yet')
})

test('help COMMAND prints the same as COMMAND --help', async () => {
  const [asked, flagged] = [await run(['help', 'parse']), await run(['parse', '--help'])]
  expect(asked).toEqual(flagged)
  expect(asked.stdout).toContain('--framing <how>')
  const { status, stderr } = await run(['help', 'pars'])
  expect({ status, stderr }).toEqual({ status: 2, stderr: "error: unknown command 'pars'\n(Did you mean parse?)\n" })
})

test('a command after -- runs', async () => {
  const { status, stdout } = await run(['--', 'parse'], { input: 'hello\n' })
  expect(status).toBe(0)
  expect(stdout).toContain('"message":"hello"')
})

test('parse takes max_message from the configuration given with -c or --config', async () => {
  const path = newConfig(`max_message: 1KiB\n${good}`)
  for (const flag of ['-c', '--config']) {
    const { status, stdout } = await run(['parse', flag, path], { input: `${'x'.repeat(1500)}\n` })
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
  }
})

test('parse and spool: exit status 2 for a faulty configuration, with line and column', async () => {
  const path = newConfig(`${good}colour: red\n`)
  for (const words of [['parse'], ['spool', 'ls', 'out']]) {
    const { status, stderr } = await run([...words, '-c', path])
    expect(status).toBe(2)
    expect(stderr).toContain(`${path}:4:1 CONFIG_UNKNOWN_KEY: `)
  }
})

test('spool finds the folder of a destination by the data folder in the configuration', async () => {
  const folder = temporaryFolder()
  const path = newConfig(
    `data: ${JSON.stringify(folder)}\n${good.replace('.log" }', '.log", buffer: { max: 1GiB } }')}`,
  )
  const { status, stderr } = await run(['spool', 'ls', '-c', path, 'out'])
  expect(status).toBe(2)
  expect(stderr).toContain(`${folder}/spool/out: there is no spool here`)
})
