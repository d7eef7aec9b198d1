// Two machines with network problems: a partition, a link that loses packets, a server that gets another address. A client follows
// a file and forwards it over RELP. Every line must be in the server's file once. With `SLUICE_LONG`, partitions last a minute.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { twoMachines, type Machines } from './namespaces.ts'
import { daemon, lineCount, temporaryFolder, until, type Daemon } from './program.ts'

const isLong = process.env['SLUICE_LONG'] !== undefined
const PARTITION_MS = isLong ? 60_000 : 3_000
// After a partition, TCP may take twice as long as it lasted until it retransmits.
const DEADLINE_MS = 60_000 + 3 * PARTITION_MS
const TEST_MS = 2 * DEADLINE_MS + 60_000
const PORT = 2514

let machines: Machines
let folder: string
let written: number

beforeEach(async (context) => {
  const made = await twoMachines()
  if (!made) return context.skip('this user may not make namespaces')
  machines = made
  folder = temporaryFolder()
  written = 0
})

/** Appends numbered lines to the file that the client follows. */
function writeLines(count: number): void {
  const lines = Array.from({ length: count }, (_, i) => `number ${written + i} ${'x'.repeat((i * 13) % 150)}\n`)
  appendFileSync(join(folder, 'in.log'), lines.join(''))
  written += count
}

function moveServer(): void {
  machines.server.run('ip', 'addr', 'del', '10.9.0.2/24', 'dev', 'east')
  machines.server.run('ip', 'addr', 'add', '10.9.0.3/24', 'dev', 'east')
  machines.moveCollector('10.9.0.3')
}

/** Makes packets of the client to these addresses disappear without an answer. */
function silence(...addresses: readonly string[]): void {
  const nobody = ['lladdr', '02:00:00:00:00:01', 'dev', 'west', 'nud', 'permanent']
  for (const address of addresses) machines.client.run('ip', 'neigh', 'add', address, ...nobody)
}

const outPath = () => join(folder, 'out.log')

function server(): Promise<Daemon> {
  const configuration = `sources: { in: { type: syslog, listen: ["relp://0.0.0.0:${PORT}"] } }
destinations: { out: { type: file, path: ${JSON.stringify(outPath())}, line: "{message}" } }
`
  return daemon('server', configuration, folder, { under: machines.server.under })
}

function client(): Promise<Daemon> {
  const configuration = `sources: { in: { type: file, paths: [${JSON.stringify(join(folder, 'in.log'))}] } }
destinations: { up: { type: forward, to: ["relp://collector:${PORT}"] } }
`
  return daemon('client', configuration, folder, { under: machines.client.under })
}

async function expectAllOnce(): Promise<void> {
  await until('all lines are there', () => lineCount(outPath()) >= written, DEADLINE_MS)
  const numbers = readFileSync(outPath(), 'latin1')
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line.split(' ')[1]))
  expect(numbers).toEqual(Array.from({ length: written }, (_, i) => i))
}

/** Appends some lines now and then for `ms`. */
async function writeFor(ms: number): Promise<void> {
  const end = Date.now() + ms
  await until(
    'the time is over',
    () => {
      writeLines(20)
      return Date.now() > end
    },
    ms + 10_000,
  )
}

test.each([
  {
    what: 'the cable is unplugged',
    cut: ['ip', 'link', 'set', 'west', 'down'],
    mend: ['ip', 'link', 'set', 'west', 'up'],
    on: 'client',
  },
  {
    what: 'packets of the server are dropped silently',
    cut: ['ip', 'route', 'add', 'blackhole', '10.9.0.1/32'],
    mend: ['ip', 'route', 'del', 'blackhole', '10.9.0.1/32'],
    on: 'server',
  },
] as const)(
  'after a partition ($what) every line is stored once',
  async ({ cut, mend, on }) => {
    await server()
    const sender = await client()
    writeLines(5_000)
    await until('the first lines are there', () => lineCount(outPath()) === written)
    const writing = writeFor(PARTITION_MS)
    machines[on].run(...cut)
    await writing
    const before = lineCount(outPath())
    expect(before).toBeLessThan(written)
    // A receiver that does not answer is logged after ten seconds.
    if (isLong) expect(sender.output().stderr).toContain('the receiver is slow')
    machines[on].run(...mend)
    writeLines(5_000)
    await expectAllOnce()
  },
  TEST_MS,
)

// Classic BPF: `ld rand; jge #0x0ccccccd, pass; ret drop` (a twentieth of 2^32), with what tc-bpf(8) takes for pass and drop.
const DROP_ONE_IN_TWENTY = '4,32 0 0 4294963256,53 0 1 214748365,6 0 0 0,6 0 0 2'

/** From now on 5 % of what leaves by this device is lost; false where the kernel has neither netem nor filters by BPF. */
function loses(machine: 'client' | 'server', device: string): boolean {
  const tc = (...words: string[]) => machines[machine].can('tc', ...words)
  if (tc('qdisc', 'add', 'dev', device, 'root', 'netem', 'loss', '5%')) return true
  const filter = ['egress', 'bpf', 'da', 'bytecode', DROP_ONE_IN_TWENTY]
  return tc('qdisc', 'add', 'dev', device, 'clsact') && tc('filter', 'add', 'dev', device, ...filter)
}

test(
  'every line is stored once with a packet loss of 5 % in both directions',
  async (context) => {
    if (!loses('client', 'west') || !loses('server', 'east')) return context.skip('this kernel cannot lose packets')
    await server()
    await client()
    writeLines(50_000)
    const enough = isLong ? /dropped \d\d/ : /dropped [1-9]/
    const lost = (machine: 'client' | 'server', device: string) =>
      enough.test(machines[machine].run('tc', '-s', 'qdisc', 'show', 'dev', device))
    const areLost = () => {
      writeLines(20)
      return lost('client', 'west') && lost('server', 'east')
    }
    await until('packets are lost in each direction', areLost, DEADLINE_MS)
    await expectAllOnce()
  },
  TEST_MS,
)

test(
  'every line is stored once over a slow link that drops packets',
  async (context) => {
    const narrow = ['tbf', 'rate', '8mbit', 'burst', '4kb', 'limit', '8kb']
    const isNarrow = machines.client.can('tc', 'qdisc', 'add', 'dev', 'west', 'root', ...narrow)
    if (!isNarrow) return context.skip('this kernel has no tbf')
    await server()
    await client()
    writeLines(50_000)
    await expectAllOnce()
    const dropped = machines.client.run('tc', '-s', 'qdisc', 'show', 'dev', 'west')
    expect(dropped).toMatch(/dropped [1-9]/)
  },
  TEST_MS,
)

test(
  'a server that was restarted at another address is found by its name',
  async () => {
    const first = await server()
    await client()
    writeLines(5_000)
    await until('the first lines are there', () => lineCount(outPath()) === written)
    expect(await first.stop()).toBe(0)
    writeLines(5_000)
    moveServer()
    await server()
    await expectAllOnce()
  },
  TEST_MS,
)

test(
  'a name with six addresses, of which only the last answers, is reached at the first attempt',
  async () => {
    // Addresses that share a longer prefix with the client's own are tried first (RFC 6724, rule 9).
    const silent = [21, 22, 23, 24, 25].map((last) => `10.9.0.${last}`)
    for (const address of silent) {
      machines.client.run(
        'ip',
        'neigh',
        'add',
        address,
        'lladdr',
        '02:00:00:00:00:01',
        'dev',
        'west',
        'nud',
        'permanent',
      )
    }
    machines.server.run('ip', 'addr', 'add', '10.9.0.200/24', 'dev', 'east')
    machines.moveCollector(...silent, '10.9.0.200')
    await server()
    const sender = await client()
    writeLines(100)
    await expectAllOnce()
    expect(sender.output().stderr).not.toContain('no connection')
  },
  TEST_MS,
)

test(
  'a stop does not wait for name servers that do not answer',
  async () => {
    const silent = ['10.9.0.21', '10.9.0.22', '10.9.0.23']
    silence(...silent)
    const servers = join(folder, 'resolv.conf')
    writeFileSync(servers, silent.map((address) => `nameserver ${address}\n`).join(''))
    machines.client.run('mount', '--bind', servers, '/etc/resolv.conf')
    machines.moveCollector()
    const sender = await client()
    const startMs = Date.now()
    expect(await sender.stop()).toBe(0)
    // The resolver would wait thirty seconds (resolv.conf(5): twice five seconds for each).
    expect(Date.now() - startMs).toBeLessThan(25_000)
    expect(sender.output().stderr).toContain('sluice is down')
  },
  TEST_MS,
)

test.runIf(isLong)(
  'a server whose address changes while a connection is open is found by its name',
  async () => {
    await server()
    await client()
    writeLines(5_000)
    await until('the first lines are there', () => lineCount(outPath()) === written)
    moveServer()
    writeLines(5_000)
    await expectAllOnce()
  },
  TEST_MS,
)
