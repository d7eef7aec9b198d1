// Signals that a daemon is sent by hand, beside those of its life (`daemon.test.ts`).

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { libc } from '../../common/net/libc.ts'
import { testWith } from './peers.ts'
import { daemon, freePort, launched, lineCount, logOf, newConfig, temporaryFolder, until } from './program.ts'

const says = (of: Parameters<typeof logOf>[0], text: string) => logOf(of).some(({ msg }) => msg === text)

// Other syslog daemons have a use for them. Node's is to let everybody on this machine debug the program, or to end it.
test('SIGUSR1 and SIGUSR2 open no inspector, and end nothing', async () => {
  const server = await daemon(
    'server',
    'sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:0"] } }\ndestinations: { out: { type: stdout } }\n',
  )
  for (const name of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) server.child.kill(name)
  await until('it has heard the last one', () => says(server, 'output files reopened'))
  expect(await server.stop()).toBe(0)
  expect(server.output().stderr).not.toContain('Debugger')
})

test.each([
  ['SIGTERM', 'SIGINT'],
  ['SIGINT', 'SIGTERM'],
] as const)('%s drains, and %s after it ends at once', async (first, second) => {
  const folder = temporaryFolder()
  const [port, nobody] = [await freePort(), await freePort()]
  const server = await daemon(
    'server',
    `drain: 1h
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations:
  down: { type: forward, to: ["tcp://127.0.0.1:${nobody}"] }
  out: { type: file, path: ${JSON.stringify(join(folder, 'out.log'))} }
`,
    folder,
  )
  connect(port, '127.0.0.1').end('<13>Nov 20 10:00:00 h p: waits for its receiver\n')
  await until('it has a message that waits', () => lineCount(join(folder, 'out.log')) === 1)
  server.child.kill(first)
  await until('it drains', () => says(server, 'stopping: accepting no more messages'))
  await server.stop(second)
  expect(server.child.signalCode).toBe(second)
})

testWith(['script'], 'a stop after the terminal was closed ends with 0, not with a core dump', async () => {
  const cwd = temporaryFolder()
  const path = newConfig(
    'sources: { in: { type: syslog, listen: ["udp://127.0.0.1:0"] } }\ndestinations: { out: { type: stdout } }\n',
  )
  // The shell outlives the terminal, to tell how the daemon has ended.
  writeFileSync(
    join(cwd, 'inner.sh'),
    `trap : HUP\nsh -c 'echo $$ > pid; exec "$@"' sh "$@"\necho $? > status.new\nmv status.new status\n`,
  )
  const under = ['sh', '-c', 'exec script -qec "sh inner.sh $*" /dev/null', 'sh']
  const server = launched(['server', '-c', path], { cwd, under })
  await until('it is up', () => server.output().stdout.includes('sluice is up'))
  await server.stop('SIGKILL') // with `script`, the terminal is gone
  process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), 'SIGTERM')
  await until('it has ended', () => existsSync(join(cwd, 'status')))
  // Node aborts without koffi. CI has it.
  if (await libc()) expect(readFileSync(join(cwd, 'status'), 'utf8')).toBe('0\n')
})
