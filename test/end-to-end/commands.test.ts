// The commands that need no daemon: what they print, where, and how they end.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, temporaryFolder } from './program.ts'

const good = `sources: { in: { type: syslog, listen: ["udp://127.0.0.1:0"] } }
destinations: { out: { type: file, path: "/var/log/remote/{host}.log" } }
routes: [{ where: "severity:>=err", to: [out] }]
`

function written(text: string): string {
  const path = join(temporaryFolder(), 'sluice.yaml')
  writeFileSync(path, text)
  return path
}

test('check ends with 0 for a good file and says what would run', async () => {
  const { status, stdout, stderr } = await run(['check', '-c', written(good)])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('route 1      everything where severity:>=err → out\n')
})

test('check ends with 1 for faults and names each of them', async () => {
  const path = written(good.replace('listen', 'lisen').replace('severity', 'severty'))
  const { status, stdout, stderr } = await run(['check', '--config', path])
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain(`${path}:1:32 CONFIG_UNKNOWN_KEY: sources have no "lisen"; did you mean "listen"?\n`)
  expect(stderr).toContain(`${path}:3:20 CONFIG_EXPRESSION: where: there is no field "severty"`)
  expect(stderr.endsWith('3 faults\n')).toBe(true)
})

test('check ends with 2 for a file that is not there', async () => {
  const { status, stderr } = await run(['check', '-c', '/nonexistent/sluice.yaml'])
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: '/nonexistent/sluice.yaml CONFIG_UNREADABLE: there is no such file\n',
  })
})

test('without -c the file of the working folder is taken', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'sluice.yaml'), `${good}colour: red\n`)
  const { status, stderr } = await run(['check'], { cwd: folder })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^sluice\.yaml:4:1 CONFIG_UNKNOWN_KEY: /)
})

test('a daemon with a faulty configuration ends with 2 and says the same as check', async () => {
  const path = written(`${good}colour: red\n`)
  const [checked, started] = [await run(['check', '-c', path]), await run(['server', '-c', path])]
  expect(started.status).toBe(2)
  expect(checked.stderr.startsWith(started.stderr)).toBe(true)
})

test('parse prints an object a line and ends with 0', async () => {
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

test('parse ends with 2 for a framing that does not exist', async () => {
  expect((await run(['parse', '--framing', 'lines'])).status).toBe(2)
})

test('explain shows fields, route and file of a line, also as JSON', async () => {
  const path = written(good)
  const input = '<34>Oct 11 22:14:15 web-1 su[7]: failed\n'
  const words = await run(['explain', '-c', path], { input })
  expect(words.status).toBe(0)
  expect(words.stdout).toContain('lands in  out (file) /var/log/remote/web-1.log\n')
  const { stdout } = await run(['explain', '-c', path, '--json'], { input })
  expect(JSON.parse(stdout)).toMatchObject({ routes: [1], destinations: [{ name: 'out', type: 'file' }] })
})

test('explain ends with 2 for a source that is not there', async () => {
  const { status, stderr } = await run(['explain', '-c', written(good), '--source', 'inn'])
  expect({ status, stderr }).toEqual({ status: 2, stderr: 'there is no source "inn"; there are in\n' })
})

test.each(['check', 'parse', 'explain'])('%s --help has examples and ends with 0', async (command) => {
  const { status, stdout } = await run([command, '--help'])
  expect(status).toBe(0)
  expect(stdout).toContain('\nExamples:\n')
})
