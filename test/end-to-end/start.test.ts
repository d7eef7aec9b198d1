// Faults that keep a daemon from starting: its exit status, its last log line, and the advice in it.

import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { writeArchive } from '../search/written-archive.ts'
import { daemon, freePort, launched, logOf, run, temporaryFolder, until, type Setting } from './program.ts'

/** Runs a server that is expected not to start; resolves to its exit status and its last log line. */
async function refused(
  configuration: string,
  folder: string,
  setting: Setting = {},
): Promise<{ status: number | null; last: unknown }> {
  const path = join(folder, 'refused.yaml')
  writeFileSync(path, configuration)
  const { status, stderr, stdout } = await run(['server', '-c', path], { cwd: folder, ...setting })
  return { status, last: logOf({ output: () => ({ stderr, stdout }) }).at(-1) }
}

/** The TCP port of another program. */
async function listening(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

test('a TCP port that is in use: exit status 2, with advice', async () => {
  const port = await listening()
  const { status, last } = await refused(
    `data: data\nsources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }\ndestinations: { out: { type: stdout } }\n`,
    temporaryFolder(),
  )
  expect(status).toBe(2)
  expect(last).toMatchObject({
    ...{ level: 60, code: 'PORT_TAKEN', msg: `tcp 127.0.0.1:${port} is in use by another process` },
    advice: 'find out which with `ss -lntup`; stop it, or change `listen:` of the source',
  })
})

test('a UDP port that is in use: exit status 2', async () => {
  const port = await freePort()
  const sources = `sources: { in: { type: syslog, listen: ["udp://127.0.0.1:${port}"] } }\ndestinations: { out: { type: stdout } }\n`
  await daemon('server', sources)
  const { status, last } = await refused(`data: data\n${sources}`, temporaryFolder())
  expect({ status, last }).toMatchObject({ status: 2, last: { code: 'PORT_TAKEN' } })
})

test('a data folder that another sluice uses: exit status 2; it is free again once that one is killed', async () => {
  const folder = temporaryFolder()
  const text = `data: ${JSON.stringify(join(folder, 'data'))}\nsources: { in: { type: syslog, listen: ["udp://127.0.0.1:0"] } }\ndestinations: { out: { type: stdout } }\n`
  const first = await daemon('server', text, folder)
  const { status, last } = await refused(text, folder)
  expect(status).toBe(2)
  expect(last).toMatchObject({
    ...{ level: 60, code: 'DATA_LOCKED', msg: `another sluice is running on ${join(folder, 'data')}` },
    advice: 'stop the other sluice, or give this one a `data:` folder of its own',
  })
  await first.stop('SIGKILL')
  const next = await daemon('server', text, folder)
  expect(await next.stop()).toBe(0)
})

test('a data folder that cannot be created: exit status 2, with advice', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  const { status, last } = await refused(
    `data: ${JSON.stringify(join(folder, 'file', 'data'))}\nsources: { in: { type: stdin } }\ndestinations: { out: { type: stdout } }\n`,
    folder,
  )
  expect(status).toBe(2)
  expect(last).toMatchObject({ code: 'DATA_UNWRITABLE', advice: expect.stringContaining('make the folder writable') })
})

test('a server that waits for its configuration from a pipe without a writer ends on SIGTERM, with exit status 0', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'sluice.yaml')
  execFileSync('mkfifo', [path])
  const server = launched(['server', '-c', path], { cwd: folder })
  await until('it opens the pipe, where that can be seen', () => waitsForWriter(server.child.pid!), 30_000).catch(
    () => {},
  )
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('it is still there'), 60_000).unref())
  expect(await Promise.race([server.stop(), late])).toBe(0)
})

/** Whether a thread of the process is waiting in the kernel for the other end of a pipe (fifo(7)). */
function waitsForWriter(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).some((task) => readFileSync(join(tasks, task, 'wchan'), 'latin1') === 'wait_for_partner')
}

// A folder in place of the file cannot be read by any user, not even root. In practice it is a file of another user.
test.each(['sources/in', 'out'])(
  'positions in %s that cannot be read: exit status 2, and the file is named',
  async (owner) => {
    const folder = temporaryFolder()
    const positions = join(folder, 'data', owner, 'positions')
    mkdirSync(positions, { recursive: true })
    const configuration = `data: data
sources: { in: { type: file, paths: [${JSON.stringify(join(folder, '*.log'))}] } }
destinations: { out: { type: file, path: ${JSON.stringify(join(folder, 'out.txt'))} } }
`
    const { status, last } = await refused(configuration, folder)
    expect(status).toBe(2)
    expect(last).toMatchObject({
      level: 60,
      code: 'DATA_UNWRITABLE',
      msg: expect.stringContaining(`${positions}: EISDIR`),
    })
  },
)

test.runIf(process.getuid?.() !== 0)('a data folder without write permission: exit status 2', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'data'), { mode: 0o500 })
  const { status, last } = await refused(
    `data: data\nsources: { in: { type: stdin } }\ndestinations: { out: { type: stdout } }\n`,
    folder,
  )
  expect({ status, last }).toMatchObject({ status: 2, last: { code: 'DATA_UNWRITABLE' } })
})

// For example after a start by root, whose files this user cannot write: SQLite would open them read-only, and messages would wait
// forever.
test('an archive whose newest part this user may not write: exit status 2, with advice', async () => {
  const isRoot = process.getuid?.() === 0
  const folder = temporaryFolder()
  const archive = join(folder, 'data', 'archive')
  const part = join(archive, '2026-11-20.db')
  writeArchive(archive, '2026-11-20', [{ text: '<13>Nov 20 10:00:00 a b: c', received: 1_795_168_800_000_000 }], 10)
  if (isRoot) for (const path of [folder, join(folder, 'data'), archive]) chownSync(path, 65534, 65534)
  for (const mode of [0o444, 0]) {
    chmodSync(part, mode)
    const { status, last } = await refused(
      `data: data\nsources: { in: { type: stdin } }\ndestinations: { archive: { type: archive } }\n`,
      folder,
      isRoot ? { uid: 65534 } : {},
    )
    expect({ status, last }).toMatchObject({
      status: 2,
      last: {
        code: 'ARCHIVE_FORBIDDEN',
        msg: `this user may not write ${part}`,
        advice: expect.stringContaining('run as the user who wrote the archive'),
      },
    })
  }
})
