// Where the program cannot work, or not for long: a line that says why, and a status that is not that of a stop.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, temporaryFolder } from './program.ts'

const gone = ['sh', '-c', 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', 'sh']
const notRoot = process.getuid?.() === 0 ? { uid: 65534 } : {}

// The data folder of a user who is not root lies in the folder where the program is started, and so does ./sluice.yaml.
test.each(['server', 'check', 'explain', 'grep'])('%s in a folder that is gone: one line, and 2', async (command) => {
  const cwd = temporaryFolder()
  spawnSync('chmod', ['777', cwd])
  const { status, stdout, stderr } = await run([command], { cwd, under: gone, ...notRoot })
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^sluice.*: the folder that this was started in is gone; change to another one\n$/)
})

test('a folder that is gone is of no interest to what needs none', async () => {
  const cwd = temporaryFolder()
  const parsed = await run(['parse'], { cwd, under: gone, input: '<13>hello\n' })
  expect(parsed).toMatchObject({ status: 0, stderr: '' })
})

// Node 20 opens many modules at once, and needs a hundred descriptors for that; Node 24 one after another.
test.runIf(spawnSync('prlimit', ['--version']).status === 0)(
  'few descriptors: it is loaded, or says in one line that there are too few and ends with 2',
  async () => {
    const cwd = temporaryFolder()
    writeFileSync(
      join(cwd, 'sluice.yaml'),
      'data: data\nsources: { in: { type: stdin } }\ndestinations: { out: { type: stdout } }\n',
    )
    const { status, stderr } = await run(['server'], { cwd, under: ['prlimit', '--nofile=32:32'] })
    if (status === 0) expect(stderr).toContain('sluice is up')
    else
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: expect.stringMatching(/^sluice: EMFILE: .*\n$/) as string,
      })
  },
)

test.runIf(existsSync('/dev/full'))(
  'standard output on a full disk: another destination gets its line, and the end is 1',
  async () => {
    const cwd = temporaryFolder()
    const destinations = '{ out: { type: stdout }, file: { type: file, path: out.log, line: raw } }'
    writeFileSync(
      join(cwd, 'sluice.yaml'),
      `data: data\nsources: { in: { type: stdin } }\ndestinations: ${destinations}\n`,
    )
    const under = ['sh', '-c', 'exec "$@" > /dev/full', 'sh']
    const { status, stderr } = await run(['server'], { cwd, under, input: 'hello\n' })
    expect(status).toBe(1)
    expect(stderr).toContain('nothing can be written any more: stopping')
    expect(readFileSync(join(cwd, 'out.log'), 'utf8')).toBe('hello\n')
  },
)
