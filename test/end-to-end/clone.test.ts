// A machine with a client on it is cloned: the clone continues where the original was, and no line of either is lost to the other.

import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { readMachine } from '../../common/machine.ts'
import { daemon, freePort, lineCount, spoolTotals, temporaryFolder, until, type Daemon } from './program.ts'

const { product, machineId } = await readMachine(systemDisk, '')
const isKnown = product !== undefined || machineId !== undefined

const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name} ${i} ${'.'.repeat(50)}`)
const asLines = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')

/** A machine with a client: the paths of its folder, its log and its instance file. */
function machine(folder: string, name: string) {
  const place = join(folder, name)
  mkdirSync(join(place, 'logs'), { recursive: true })
  return { place, log: join(place, 'logs/app.log'), instance: join(place, 'data-client/instance') }
}

type Machine = ReturnType<typeof machine>

/** A clone: a copy of everything, whose instance file names another machine than the one it is on. */
function cloneOf(original: Machine, folder: string, name: string): Machine {
  const clone = machine(folder, name)
  cpSync(original.place, clone.place, { recursive: true, force: true })
  const written = JSON.parse(readFileSync(clone.instance, 'utf8')) as { machine: Record<string, unknown> }
  for (const key of ['product', 'machineId']) if (key in written.machine) written.machine[key] = 'f'.repeat(32)
  writeFileSync(clone.instance, JSON.stringify(written))
  return clone
}

const instanceOf = ({ instance }: Machine) =>
  (JSON.parse(readFileSync(instance, 'utf8')) as { instance: string }).instance

async function setting(buffer: string) {
  const folder = temporaryFolder()
  const port = await freePort()
  const out = join(folder, 'out.log')
  const serverPlace = join(folder, 'server')
  mkdirSync(serverPlace)
  const server = (): Promise<Daemon> => {
    const config = [
      `sources: { net: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }`,
      `destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: "{message}" } }\n`,
    ].join('\n')
    return daemon('server', config, serverPlace)
  }
  const client = ({ place, log }: Machine): Promise<Daemon> => {
    const config = [
      `sources: { apps: { type: file, paths: [${JSON.stringify(log)}], program: app } }`,
      `destinations: { up: { type: forward, to: ["relp://127.0.0.1:${port}"]${buffer} } }\n`,
    ].join('\n')
    return daemon('client', config, place)
  }
  const expectStored = async (lines: readonly string[]) => {
    await until(`${lines.length} lines`, () => lineCount(out) >= lines.length)
    const stored = readFileSync(out, 'utf8').split('\n').slice(0, -1)
    expect(stored.map((line) => line.trim()).sort()).toEqual([...lines].sort())
  }
  return { folder, server, client, expectStored }
}

test.skipIf(!isKnown)('lines that a client and its clone read after the cloning are all stored once', async () => {
  const { folder, server, client, expectStored } = await setting('')
  await server()
  const original = machine(folder, 'original')
  const shared = numbered('shared', 500)
  writeFileSync(original.log, asLines(shared))
  const first = await client(original)
  await expectStored(shared)
  expect(await first.stop()).toBe(0)

  const clone = cloneOf(original, folder, 'clone')
  const own = { original: numbered('original', 500), clone: numbered('clone', 700) }
  appendFileSync(original.log, asLines(own.original))
  appendFileSync(clone.log, asLines(own.clone))
  const [, cloned] = await Promise.all([client(original), client(clone)])
  await expectStored([...shared, ...own.original, ...own.clone])

  expect(instanceOf(clone)).not.toBe(instanceOf(original))
  const warnings = cloned
    .output()
    .stderr.split('\n')
    .filter((line) => line.includes('written on another machine'))
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain(instanceOf(original))
  expect(warnings[0]).toContain(instanceOf(clone))

  // After another restart the clone keeps its new instance id.
  await cloned.stop()
  const more = { original: numbered('later original', 100), clone: numbered('later clone', 100) }
  appendFileSync(original.log, asLines(more.original))
  appendFileSync(clone.log, asLines(more.clone))
  const again = await client(clone)
  await expectStored([...shared, ...own.original, ...own.clone, ...more.original, ...more.clone])
  expect(again.output().stderr).not.toContain('written on another machine')
})

test.skipIf(!isKnown)(
  'messages that are in a buffer when it is cloned are stored once, although both machines send them',
  async () => {
    const { folder, server, client, expectStored } = await setting(', buffer: { max: 64MiB }')
    const original = machine(folder, 'original')
    const shared = numbered('shared', 500)
    writeFileSync(original.log, asLines(shared))
    // No server is running, so everything stays in the buffer.
    const first = await client(original)
    await until(
      'all is read',
      async () => (await spoolTotals(join(original.place, 'data-client/spool/up'))).waiting === 500,
    )
    await first.stop()

    const clone = cloneOf(original, folder, 'clone')
    const own = { original: numbered('original', 500), clone: numbered('clone', 700) }
    appendFileSync(original.log, asLines(own.original))
    appendFileSync(clone.log, asLines(own.clone))
    await Promise.all([server(), client(original), client(clone)])
    await expectStored([...shared, ...own.original, ...own.clone])
  },
)
