// An output file that cannot be written, in the real program: other files are still written, opened and reopened.

import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errnoOf } from '../../common/fault.ts'
import { daemon, freePort, lineCount, temporaryFolder, until } from './program.ts'

/** The number of bytes read from a pipe that does not block; 0 while it is empty. */
function readSoFar(pipe: number, bytes: Buffer): number {
  try {
    return readSync(pipe, bytes)
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN') return 0
    throw error
  }
}

test('a pipe without a reader does not prevent the start or hold up another file, and gets its lines once it is read', async () => {
  const folder = temporaryFolder()
  const [pipe, path] = [join(folder, 'pipe'), join(folder, 'all.log')]
  execFileSync('mkfifo', [pipe])
  const port = await freePort()
  const server = await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations:
  pipe: { type: file, path: ${JSON.stringify(pipe)}, line: raw }
  all: { type: file, path: ${JSON.stringify(path)}, line: raw }
`,
    folder,
  )
  const sender = connect(port, '127.0.0.1')
  sender.end('<13>one\n<13>two\n')
  await until('the other file has both', () => lineCount(path) === 2)
  expect(server.output().stderr).toContain('a pipe that nobody reads')

  renameSync(path, `${path}.1`)
  server.child.kill('SIGHUP')
  await until('the other file is made again', () => existsSync(path))

  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const bytes = Buffer.alloc(100)
  const read = await until('somebody reads the pipe', () => readSoFar(reader, bytes) || undefined)
  expect(bytes.toString('latin1', 0, read)).toBe('<13>one\n<13>two\n')
  closeSync(reader)
  expect(await server.stop()).toBe(0)
  expect(readFileSync(`${path}.1`, 'latin1')).toBe('<13>one\n<13>two\n')
})
