// Several receivers as real programs, one of which is killed and restarted while messages are sent.

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { daemon, freePort, run, temporaryFolder, until, type Daemon } from './program.ts'

const ROUNDS = 3
const LINES = 3000

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])

/** Two servers that write what they receive to a file, and their addresses. */
async function twoServers(folder: string) {
  const servers: { out: string; folder: string; config: string; running: Daemon }[] = []
  const to: string[] = []
  for (const name of ['a', 'b']) {
    const port = await freePort()
    const own = join(folder, name)
    mkdirSync(own)
    const out = join(own, 'out.log')
    const config = [
      `sources: { net: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }`,
      `destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: "{message}" } }\n`,
    ].join('\n')
    servers.push({ out, folder: own, config, running: await daemon('server', config, own) })
    to.push(`relp://127.0.0.1:${port}`)
  }
  return { servers, to }
}

/** Two servers, and a client that follows these files and forwards to both. */
async function pipeline(balance: string, inputs: readonly string[]) {
  const folder = temporaryFolder()
  const { servers, to } = await twoServers(folder)
  const paths = inputs.map((name) => join(folder, name))
  for (const path of paths) writeFileSync(path, '')
  const own = join(folder, 'client')
  mkdirSync(own)
  const config = [
    `sources: { apps: { type: file, paths: ${JSON.stringify(paths)}, program: app } }`,
    `destinations: { up: { type: forward, to: ${JSON.stringify(to)}, balance: ${balance} } }\n`,
  ].join('\n')
  const client = await daemon('client', config, own)
  return { servers, paths, client }
}

/** The number of messages in doubt, from the counters that a daemon logs when it stops. */
function inDoubt({ stdout, stderr }: { stdout: string; stderr: string }): number {
  const last = `${stdout}${stderr}`.split('\n').findLast((line) => line.includes('"msg":"counters"'))
  const values = Object.entries(JSON.parse(last!) as Record<string, unknown>)
  const counts = values.filter(([name]) => name.startsWith('sluice_in_doubt_total')).map(([, value]) => Number(value))
  return counts.reduce((sum, count) => sum + count, 0)
}

for (const [balance, inputs] of [
  ['failover', ['one.log']],
  ['round-robin', ['one.log', 'two.log', 'three.log', 'four.log']],
] as const) {
  test(`${balance}: servers are killed in turn: no line lost, none twice at one server, and on both at most those in doubt`, async () => {
    const { servers, paths, client } = await pipeline(balance, inputs)
    const sent: string[] = []
    const stored = () => servers.map(({ out }) => linesOf(out))
    const arrived = () => new Set(stored().flat()).size
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = sent.length
      for (let i = 0; i < LINES; i += 250) {
        for (const path of paths) {
          const lines = Array.from({ length: 250 }, (_, k) => `${path.slice(-8)} round ${round} line ${i + k}`)
          appendFileSync(path, lines.map((line) => `${line}\n`).join(''))
          sent.push(...lines)
        }
      }
      await until('some of the round', () => arrived() > before)
      // The servers are killed in turn, whichever of them is receiving.
      const victim = servers[round % 2]
      await victim.running.stop('SIGKILL')
      await until('the other one takes all', () => arrived() >= sent.length)
      victim.running = await daemon('server', victim.config, victim.folder)
      // At its start it truncates the lines that it had not committed; the other server has got those too.
      await until('all, without what was never confirmed', () => arrived() >= sent.length)
    }
    for (const lines of stored()) expect(new Set(lines).size).toBe(lines.length)
    expect(new Set(stored().flat())).toEqual(new Set(sent))
    if (balance === 'round-robin') for (const lines of stored()) expect(lines.length).toBeGreaterThan(LINES)
    await client.stop()
    const doubled = stored().flat().length - sent.length
    expect(doubled).toBeLessThanOrEqual(inDoubt(client.output()))
  })
}

for (const balance of ['round-robin', 'hash']) {
  test(`${balance} with a buffer: relay and servers are killed: no line lost, none twice at one server, and on both at most those in doubt`, async () => {
    const folder = temporaryFolder()
    const { servers, to } = await twoServers(folder)
    const port = await freePort()
    const own = join(folder, 'relay')
    mkdirSync(own)
    const config = [
      `sources: { net: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }`,
      `destinations: { up: { type: forward, to: ${JSON.stringify(to)}, balance: ${balance}, buffer: { max: 64MiB } } }\n`,
    ].join('\n')
    let relay = await daemon('relay', config, own)
    const paths = Array.from({ length: 8 }, (_, i) => join(folder, `input-${i}.log`))
    for (const path of paths) writeFileSync(path, '')
    const clientFolder = join(folder, 'client')
    mkdirSync(clientFolder)
    const clientConfig = [
      `sources: { apps: { type: file, paths: ${JSON.stringify(paths)}, program: app } }`,
      `destinations: { up: { type: forward, to: ["relp://127.0.0.1:${port}"] } }\n`,
    ].join('\n')
    await daemon('client', clientConfig, clientFolder)

    const sent: string[] = []
    const stored = () => servers.map(({ out }) => linesOf(out))
    const arrived = () => new Set(stored().flat()).size
    const doubled = () => stored().flat().length - arrived()
    /** Writes lines to all files, calls `act` when some of them have arrived, and waits for all of them. */
    const during = async (name: string, act: () => Promise<unknown>) => {
      const before = sent.length
      for (const path of paths) {
        const lines = Array.from({ length: 2000 }, (_, i) => `${path.slice(-11)} ${name} line ${i}`)
        appendFileSync(path, lines.map((line) => `${line}\n`).join(''))
        sent.push(...lines)
      }
      await until(`some of ${name}`, () => arrived() > before, 60_000)
      await act()
      await until(`all of ${name}`, () => arrived() >= sent.length, 60_000)
    }
    const killServer = async (victim: (typeof servers)[number]) => {
      await victim.running.stop('SIGKILL')
      await until('the other one takes all', () => arrived() >= sent.length, 60_000)
      victim.running = await daemon('server', victim.config, victim.folder)
    }
    const killRelay = async () => {
      await relay.stop('SIGKILL')
      relay = await daemon('relay', config, own)
    }
    await during('first', () => killServer(servers[1]))
    // The counters of the relay are lost when it is killed, so earlier repeats are subtracted below.
    const doubledBefore = doubled()
    await during('second', killRelay)
    await during('third', () => killServer(servers[0]))
    await during('fourth', () => killServer(servers[1]))

    for (const lines of stored()) {
      expect(new Set(lines).size).toBe(lines.length)
      for (const path of paths) {
        const ofFile = lines.filter((line) => line.startsWith(path.slice(-11)))
        for (const name of ['first', 'second', 'third', 'fourth']) {
          const ordinals = ofFile
            .filter((line) => line.includes(` ${name} `))
            .map((line) => Number(line.split(' ').at(-1)))
          expect(ordinals).toEqual(ordinals.toSorted((a, b) => a - b))
        }
      }
    }
    expect(new Set(stored().flat())).toEqual(new Set(sent))
    for (const lines of stored()) expect(lines.length).toBeGreaterThan(2000)
    await relay.stop()
    expect(doubled() - doubledBefore).toBeLessThanOrEqual(inDoubt(relay.output()))
    const { stdout, status } = await run(['spool', 'ls', join(own, 'data-relay/spool/up')])
    expect(status).toBe(0)
    expect([...stdout.matchAll(/^total +\d+ +\d+ +(\d+) /gm)].map(([, waiting]) => waiting)).toEqual(['0', '0'])
    expect((await run(['spool', 'check', join(own, 'data-relay/spool/up')])).status).toBe(0)
  })
}
