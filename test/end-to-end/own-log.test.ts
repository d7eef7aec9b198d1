// What the program says on standard error never holds it up, nor ends it, nor changes how it ends.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort, launched, run, temporaryFolder, until } from './program.ts'

const words = (redirection: string) => ['sh', '-c', `${redirection}; exec "$@"`, 'sh']

/** Sends a line as soon as somebody listens; false until then. */
function sent(port: number, line: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(`${line}\n`, () => resolve(true)))
    socket.on('error', () => resolve(false))
  })
}

/** Starts a server with its standard error redirected: what it is sent has to arrive, also after it has logged something, and its end be 0. */
async function worksWith(redirection: (folder: string) => string): Promise<void> {
  const folder = temporaryFolder()
  const out = join(folder, 'out.log')
  const port = await freePort()
  writeFileSync(
    join(folder, 'sluice.yaml'),
    `data: data
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: file, path: out.log, line: raw } }
`,
  )
  const server = launched(['server'], { cwd: folder, under: words(redirection(folder)) })
  const arrived = (line: string) => existsSync(out) && readFileSync(out, 'utf8').includes(`${line}\n`)
  await until('it listens', () => sent(port, '<13>first'))
  await until('the first line is there', () => arrived('<13>first'))
  server.child.kill('SIGHUP') // it logs that it has reopened its files
  await until('it listens', () => sent(port, '<13>second'))
  await until('the second line is there', () => arrived('<13>second'))
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('it is still there'), 20_000).unref())
  expect(await Promise.race([server.stop(), late])).toBe(0)
}

test.runIf(existsSync('/dev/full'))('a log on a full disk: what it is sent arrives, and it ends with 0', async () => {
  await worksWith(() => 'exec 2> /dev/full')
})

// `2>&1 | less`, a journal that hangs. The pipe is full from the beginning.
test.runIf(process.platform === 'linux')(
  'a log in a pipe that nobody reads: what it is sent arrives, and it ends with 0',
  async () => {
    await worksWith((folder) => {
      const pipe = join(folder, 'pipe')
      execFileSync('mkfifo', [pipe])
      return `exec 2<> ${pipe}; dd if=/dev/zero bs=4096 count=16 status=none >&2`
    })
  },
)

test('a command line with a mistake ends with 2, also when nobody is there to hear of it', async () => {
  const pipe = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [pipe])
  const unheard = words(`exec 3<> ${pipe}; exec 2> ${pipe} 3<&-`)
  expect(await run(['grep', '--nonsense'], { under: unheard })).toEqual({ status: 2, stdout: '', stderr: '' })
})
