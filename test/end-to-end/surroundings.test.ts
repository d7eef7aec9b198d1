// Where the program cannot work at all: one line that says why, and the status of a daemon that cannot start.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
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
