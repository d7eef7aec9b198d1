// client → relay → server as real processes that are killed again and again, over connections that are closed, reset and stalled.
// Every line must be in the server's files and in its archive once.
//
//   files ─▶ client ─▶ proxy ─▶ relay, spool ─▶ proxy ─▶ server ─▶ file, rotated file, archive
//
// `SLUICE_SEED` repeats the random decisions, but not the state of the processes at those moments. With `SLUICE_LONG` there are ten
// times as many kills.

import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { printedSeed, seeded, type Fraction } from './chance.ts'
import { killAtRandom, Mortal, sleep } from './mortal.ts'
import { faultsOf, NumberedFiles } from './numbered-files.ts'
import { freePort, lineCount, run, spoolTotals, temporaryFolder, until } from './program.ts'
import { roughProxy } from './rough-proxy.ts'

const KILLS = process.env['SLUICE_LONG'] === undefined ? 20 : 200
const ROUNDS = KILLS / 10
const KILLS_A_ROUND = 3
const LIMITS = { timeout: 120_000 + KILLS * 6_000 }

/** Once connections are let be; a sender that has failed often looks for its receiver twice a minute. */
const ARRIVAL_MS = 180_000
/** Limit on lines that are written and not stored yet, so that less is written on a slow machine. */
const LINES_AHEAD = 40_000
const WRITE_EVERY_MS = 20

const linesOf = (text: string) => text.split('\n').slice(0, -1)
const path = (...parts: string[]) => JSON.stringify(join(...parts))

function serverOn(folder: string, port: number): Mortal {
  mkdirSync(join(folder, 'out'))
  return new Mortal(
    'server',
    folder,
    `sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }
destinations:
  whole: { type: file, path: ${path(folder, 'whole.log')}, line: "{message}" }
  rotated: { type: file, path: ${path(folder, 'out', 'app.log')}, line: "{message}", rotate: { size: 1MiB, compress: gzip } }
  archive: { type: archive }
`,
  )
}

/** The lines that the server has stored, by destination. The server must not be running. */
async function storedIn(folder: string): Promise<Record<string, string[]>> {
  const out = join(folder, 'out')
  // Rotated files sort by name in the order of their lines; `app.log` itself is the newest, and comes first by name.
  const [newest, ...rotated] = readdirSync(out).sort()
  const parts = [...rotated, newest].map((name) => {
    const bytes = readFileSync(join(out, name))
    return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')
  })
  const archive = await run(['grep', '-O', 'cat', '--archive', join(folder, 'server', 'archive')])
  return {
    whole: linesOf(readFileSync(join(folder, 'whole.log'), 'latin1')),
    rotated: linesOf(parts.join('')),
    archive: linesOf(archive.stdout),
  }
}

test(
  'client, relay and server killed at any moment, over bad connections: every line is stored once',
  LIMITS,
  async () => {
    const seed = printedSeed()
    const folder = temporaryFolder()
    const logs = join(folder, 'logs')
    mkdirSync(logs)
    const [relayPort, serverPort] = [await freePort(), await freePort()]
    const toRelay = await roughProxy(relayPort, seeded(seed + 1))
    const toServer = await roughProxy(serverPort, seeded(seed + 2))
    const relay = `sources: { in: { type: syslog, listen: ["relp://127.0.0.1:${relayPort}"] } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${toServer.port}"] } }
`
    const client = `sources: { apps: { type: file, paths: [${path(logs, '*.log')}], program: app } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${toRelay.port}"] } }
`
    const server = serverOn(folder, serverPort)
    const all = [new Mortal('client', folder, client), new Mortal('relay', folder, relay), server]
    await Promise.all(all.map((each) => each.up()))

    // Nothing can find a file that leaves its name before it was ever seen, so wait until all are followed.
    const files = new NumberedFiles(logs, seeded(seed + 3))
    files.begin()
    await until('the files are followed', () => lineCount(join(folder, 'whole.log')) === files.lines)
    const over = new AbortController()
    const writing = writeUntil(over.signal, files, join(folder, 'whole.log'), seeded(seed + 4))
    await killAtRandom(all, KILLS, seeded(seed))
    over.abort()
    await writing
    toRelay.calm()
    toServer.calm()
    const rotated = readdirSync(logs).length
    console.log(`${files.lines} lines in ${rotated} files`, { toRelay: toRelay.done, toServer: toServer.done })

    await arrived(folder, files.lines)
    for (const each of all) expect(await each.stop()).toBe(0)
    for (const [name, lines] of Object.entries(await storedIn(folder))) {
      expect([name, ...faultsOf(lines, files.written)]).toEqual([name])
    }
  },
)

/** Writes and rotates until `over` is aborted, as fast as the server keeps up. */
async function writeUntil(over: AbortSignal, files: NumberedFiles, whole: string, fraction: Fraction): Promise<void> {
  let stored = 0
  let turn = 0
  while (!over.aborted) {
    if (turn % 10 === 0) stored = lineCount(whole)
    turn += 1
    if (files.lines - stored < LINES_AHEAD) files.write()
    if (fraction() < 0.1) files.rotate()
    await sleep(WRITE_EVERY_MS)
  }
}

/** Waits until all lines are stored. Does not fail after the deadline, since `faultsOf` then describes better what is missing. */
async function arrived(folder: string, lines: number): Promise<void> {
  await until('all lines', () => lineCount(join(folder, 'whole.log')) >= lines, ARRIVAL_MS).catch(() => {})
}

test(
  'messages that a relay has in its spool are stored once, however often relay and server are killed',
  LIMITS,
  async () => {
    const seed = printedSeed()
    const folder = temporaryFolder()
    const [relayPort, serverPort] = [await freePort(), await freePort()]
    const toServer = await roughProxy(serverPort, seeded(seed + 1))
    const configuration = `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${relayPort}"] } }
destinations: { up: { type: forward, to: ["relp://127.0.0.1:${toServer.port}"] } }
`
    const [relay, server] = [new Mortal('relay', folder, configuration), serverOn(folder, serverPort)]
    await Promise.all([relay.up(), server.up()])
    const spool = join(folder, 'relay', 'spool', 'up')
    const perRound = 5_000
    for (let round = 0; round < ROUNDS; round += 1) {
      // Plain TCP has no acknowledgements, so the relay is killed only when all messages are in its spool.
      await server.kill()
      await send(relayPort, round * perRound, (round + 1) * perRound)
      await until('all of the round is in the spool', async () => (await spoolTotals(spool)).waiting === perRound)
      server.restart()
      await killAtRandom([relay, server], KILLS_A_ROUND, seeded(seed + round))
      // A machine that is slow enough would not come to an answer within the life of a bad connection.
      toServer.calm()
      await until('the round is acknowledged', async () => (await spoolTotals(spool)).waiting === 0, ARRIVAL_MS)
      toServer.rage()
    }
    toServer.calm()
    for (const each of [relay, server]) expect(await each.stop()).toBe(0)
    for (const [name, lines] of Object.entries(await storedIn(folder))) {
      expect([name, ...faultsOf(lines, new Map([['tcp', ROUNDS * perRound]]))]).toEqual([name])
    }
  },
)

function send(port: number, from: number, to: number): Promise<void> {
  const lines = Array.from({ length: to - from }, (_, i) => `<134>Oct 11 22:14:15 host app: tcp 0 ${from + i} \n`)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(lines.join('')))
    socket.once('close', () => resolve()).once('error', reject)
  })
}
