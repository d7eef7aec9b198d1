// A machine that was cloned with a client on it: the copy reads on where the original was, and neither takes anything of the other.

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

/** Where a client's machine has its log and its data. */
function machine(folder: string, name: string) {
  const place = join(folder, name)
  mkdirSync(join(place, 'logs'), { recursive: true })
  return { place, log: join(place, 'logs/app.log'), instance: join(place, 'data-client/instance') }
}

type Machine = ReturnType<typeof machine>

/** Everything on it, and another machine below: what was written down of the first does not fit. */
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

test.skipIf(!isKnown)('what a client and its clone read from then on is stored once, all of it', async () => {
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
  const said = cloned
    .output()
    .stderr.split('\n')
    .filter((line) => line.includes('written on another machine'))
  expect(said).toHaveLength(1)
  expect(said[0]).toContain(instanceOf(original))
  expect(said[0]).toContain(instanceOf(clone))

  // And again after a restart: the clone is the new instance, and stays it.
  await cloned.stop()
  const more = { original: numbered('later original', 100), clone: numbered('later clone', 100) }
  appendFileSync(original.log, asLines(more.original))
  appendFileSync(clone.log, asLines(more.clone))
  const again = await client(clone)
  await expectStored([...shared, ...own.original, ...own.clone, ...more.original, ...more.clone])
  expect(again.output().stderr).not.toContain('written on another machine')
})

test.skipIf(!isKnown)('what waits in a buffer when it is cloned is stored once, though both send it', async () => {
  const { folder, server, client, expectStored } = await setting(', buffer: { max: 64MiB }')
  const original = machine(folder, 'original')
  const shared = numbered('shared', 500)
  writeFileSync(original.log, asLines(shared))
  // Nobody listens: what is read stays in the buffer.
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
})
