// A client that follows a file, a server that stores it, and a full disk under one of them. It is logged, senders that can wait do,
// and once there is room again every line is stored once.

import { appendFileSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { daemon, freePort, lineCount, logOf, run, spoolTotals, temporaryFolder, until, type Daemon } from './program.ts'
import { fillUp, smallDisk, type SmallDisk } from './small-disk.ts'

const COUNT = 30_000
const DEADLINE_MS = 90_000

let disk: SmallDisk
let folder: string
let port: number

beforeEach(async (context) => {
  const mounted = await smallDisk()
  if (mounted === undefined) return context.skip('this user may neither mount nor make namespaces')
  disk = mounted
  folder = temporaryFolder()
  port = await freePort()
  written = 0
})

let written: number

/** Appends numbered lines to the file that the client follows. */
function writeLines(count = COUNT): void {
  const lines = Array.from({ length: count }, (_, i) => `number ${written + i} ${'x'.repeat((i * 13) % 150)}\n`)
  appendFileSync(join(folder, 'in.log'), lines.join(''))
  written += count
}

function server(data: string, destination: string): Promise<Daemon> {
  return daemon(
    'server',
    `data: ${JSON.stringify(data)}
sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }
destinations: { out: ${destination} }
`,
    folder,
    disk,
  )
}

function client(data: string, options = ''): Promise<Daemon> {
  return daemon(
    'client',
    `data: ${JSON.stringify(data)}
sources: { in: { type: file, paths: [${JSON.stringify(join(folder, 'in.log'))}] } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${port}"]${options} } }
`,
    folder,
    disk,
  )
}

const fileAt = (path: string) => `{ type: file, path: ${JSON.stringify(path)}, line: "{message}" }`

function expectEachOnce(lines: readonly string[]): void {
  expect(lines.map((line) => Number(line.split(' ')[1]))).toEqual(Array.from({ length: written }, (_, i) => i))
}

const linesOf = (path: string) => readFileSync(path, 'latin1').split('\n').slice(0, -1)

test('the disk of a server’s file is full: the client waits, and continues when there is room', async () => {
  const out = join(disk.folder, 'out.log')
  const one = await server(join(disk.folder, 'data'), fileAt(out))
  await client(join(folder, 'client'))
  writeLines()
  await until('the first lines are there', () => lineCount(disk.seen(out)) === COUNT, DEADLINE_MS)
  const free = fillUp(disk)
  writeLines()
  await until('it is logged', () => one.output().stderr.includes('cannot write'), DEADLINE_MS)
  writeLines()
  free()
  await until('all lines are there', () => lineCount(disk.seen(out)) >= written, DEADLINE_MS)
  expect(await one.stop()).toBe(0)
  expectEachOnce(linesOf(disk.seen(out)))
})

test('a server is stopped while the disk of its file is full: after the next start the file continues on a new line', async () => {
  const out = join(disk.folder, 'out.log')
  const configuration = `data: ${JSON.stringify(join(folder, 'data'))}
drain: 1s
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: ${fileAt(out)} }
`
  const one = await daemon('server', configuration, folder, disk)
  await send('<13>p: number -1\n')
  await until('the first line is there', () => lineCount(disk.seen(out)) === 1, DEADLINE_MS)
  const free = fillUp(disk)
  // The room left in the last page of the file does not fit a whole number of lines.
  await send(Array.from({ length: 100 }, (_, i) => `<13>p: number ${i} ${'x'.repeat(100)} end\n`).join(''))
  await until('it is logged', () => one.output().stderr.includes('cannot write'), DEADLINE_MS)
  expect(await one.stop()).toBe(0)
  free()
  const torn = readFileSync(disk.seen(out), 'latin1')
  expect(torn).toMatch(/[^\n]$/)
  const two = await daemon('server', configuration, folder, disk)
  await send('<13>p: number 100 new\n')
  await until('the line is there', () => readFileSync(disk.seen(out), 'latin1').endsWith(' new\n'), DEADLINE_MS)
  expect(await two.stop()).toBe(0)
  expect(readFileSync(disk.seen(out), 'latin1')).toBe(`${torn}\nnumber 100 new\n`)
})

function send(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text))
    socket.once('error', reject)
    socket.once('close', () => resolve())
    socket.resume()
  })
}

test('the disk of a server’s archive is full: the client waits, and continues when there is room', async () => {
  const data = join(disk.folder, 'data')
  const one = await server(data, '{ type: archive }')
  await client(join(folder, 'client'))
  const archive = join(data, 'out')
  const stored = async () => Number((await run(['grep', '-c', '--archive', archive, 'number'], disk)).stdout)
  writeLines()
  await until('the first lines are there', async () => (await stored()) === COUNT, DEADLINE_MS)
  const free = fillUp(disk)
  writeLines()
  await until('it is logged', () => one.output().stderr.includes('DISK_FULL'), DEADLINE_MS)
  writeLines()
  free()
  await until('all lines are there', async () => (await stored()) >= written, DEADLINE_MS)
  expect(logOf(one).map(({ msg }) => msg)).toContain('can write again')
  expect(await one.stop()).toBe(0)
  const { stdout } = await run(['grep', '--archive', archive, '-O', 'cat', 'number'], disk)
  expectEachOnce(stdout.split('\n').slice(0, -1))
})

test('the disk of a server’s archive is full at its start: another destination is not held up, and the archive catches up', async () => {
  const data = join(disk.folder, 'data')
  const other = join(folder, 'other.log')
  const configuration = `data: ${JSON.stringify(data)}
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: archive }, other: ${fileAt(other)} }
`
  const one = await daemon('server', configuration, folder, disk)
  await send('<13>p: number 0\n')
  await until('it has the first', () => lineCount(other) === 1, DEADLINE_MS)
  expect(await one.stop()).toBe(0)
  const free = fillUp(disk)
  const two = await daemon('server', configuration, folder, disk)
  await until('it is logged', () => two.output().stderr.includes('DISK_FULL'), 30_000)
  await send('<13>p: number 1\n')
  await until('the other destination has it', () => lineCount(other) === 2, DEADLINE_MS)
  free()
  const archive = join(data, 'out')
  const stored = async () => (await run(['grep', '--archive', archive, '-O', 'cat', 'number'], disk)).stdout
  await until('the archive has it', async () => (await stored()) === 'number 0\nnumber 1\n', DEADLINE_MS)
  expect(await two.stop()).toBe(0)
})

test('the disk of a client’s checkpoints is full: lines are still sent, and after a kill the server’s marks prevent repeats', async () => {
  const out = join(folder, 'out.log')
  await server(join(folder, 'server'), fileAt(out))
  const data = join(disk.folder, 'data')
  const one = await client(data)
  writeLines()
  await until('the first lines are there', () => lineCount(out) === COUNT, DEADLINE_MS)
  const free = fillUp(disk)
  // The last page of the log of checkpoints still has room for some commits.
  const writeUntilLogged = () => {
    writeLines(1)
    return one.output().stderr.includes('cannot save reading positions')
  }
  await until('it is logged', writeUntilLogged, DEADLINE_MS)
  writeLines()
  await until('the next lines are there all the same', () => lineCount(out) === written, DEADLINE_MS)
  await one.stop('SIGKILL')
  free()
  await client(data)
  writeLines()
  await until('all lines are there', () => lineCount(out) >= written, DEADLINE_MS)
  expectEachOnce(linesOf(out))
})

test('the disk of a client’s spool is full: reading of the file continues when there is room', async () => {
  const out = join(folder, 'out.log')
  const one = await client(join(disk.folder, 'data'), ', buffer: { max: 1GiB, when_full: block }')
  writeLines()
  const spool = disk.seen(join(disk.folder, 'data/spool/up'))
  await until(
    'the first lines are in the spool',
    async () => (await spoolTotals(spool)).messages === COUNT,
    DEADLINE_MS,
  )
  const free = fillUp(disk)
  writeLines()
  const isLogged = () => /cannot write to the spool|too little free space/.test(one.output().stderr)
  await until('it is logged', isLogged, DEADLINE_MS)
  await server(join(folder, 'server'), fileAt(out))
  free()
  writeLines()
  await until('all lines are there', () => lineCount(out) >= written, DEADLINE_MS)
  expect(await one.stop()).toBe(0)
  expectEachOnce(linesOf(out))
  expect(one.output().stderr).not.toContain('dropped')
})
