// `npm run bench`: every measured promise of the README, side by side with the real peers found on PATH.
//
//   npm run bench                      everything, 5 interleaved runs
//   npm run bench -- tcp-file relay    only these
//   npm run bench -- --runs 3          fewer runs
//
// Runs are interleaved (each system once, then again), medians are printed, and that every message arrived.

import { corpusBuffer } from './corpus-buffer.ts'
import { archiveIntake, idleMemory, spoolFlow } from './daemon-work.ts'
import { median } from './measure.ts'
import { rsyslog, sluice, syslogNg, syslogNgOneThread, type System } from './systems.ts'
import { fileChain } from './chain-work.ts'
import { manyConnections } from './connections-work.ts'
import { relpChain } from './relp-chain-work.ts'
import { relpSender } from './relp-sender-work.ts'
import { relay, tcpToFile, type Result } from './work.ts'
import { udpToFile } from './udp-work.ts'

interface Scenario {
  readonly name: string
  readonly title: string
  readonly systems: readonly System[]
  run(system: System): Promise<Result>
}

const all = [sluice, syslogNg, syslogNgOneThread, rsyslog]
const MESSAGES = 250_000
const TIMES = 12

const SENDERS = { connections: 500, pieceBytes: 600 }

const feed = (syslog: 'rfc3164' | 'rfc5424') => ({ syslog, times: TIMES, ...corpusBuffer(syslog, MESSAGES) })

const scenarios: readonly Scenario[] = [
  {
    name: 'tcp-file-3164',
    title: 'TCP → parse → iso file, RFC 3164',
    systems: all,
    run: (system) => tcpToFile(system, feed('rfc3164')),
  },
  {
    name: 'tcp-file-5424',
    title: 'TCP → parse → iso file, RFC 5424',
    systems: all,
    run: (system) => tcpToFile(system, feed('rfc5424')),
  },
  {
    name: 'senders',
    title: `${SENDERS.connections} TCP connections, ${SENDERS.pieceBytes} bytes at a time → iso file`,
    systems: all,
    run: (system) => tcpToFile(system, { ...feed('rfc3164'), times: 4, senders: SENDERS }),
  },
  {
    name: 'relay',
    title: 'TCP → severity warning and worse → TCP',
    systems: all,
    run: (system) => relay(system, feed('rfc3164')),
  },
  {
    name: 'udp-file',
    title: 'UDP at 200 k datagrams/s for 5 s → iso file',
    systems: all,
    run: (system) => udpToFile(system),
  },
  {
    name: 'file-chain',
    title: 'file → client → server → file',
    systems: [sluice, rsyslog],
    run: (system) => fileChain(system, feed('rfc3164')),
  },
  {
    name: 'relp-chain',
    title: 'file → client → RELP → server → file',
    systems: [sluice, rsyslog],
    run({ name }) {
      const result = relpChain(name)
      say(`${name}: ${result.smaller.toFixed(2)} times smaller on the wire than in the file`)
      return Promise.resolve(result)
    },
  },
  {
    name: 'relp-sender',
    title: 'rsyslog → RELP, window 128 → sluice to a file, to a synced archive; rsyslog to a file',
    systems: [sluice, { ...sluice, name: 'sluice, archive' }, rsyslog],
    run: ({ name }) => {
      return Promise.resolve(
        relpSender(name === 'sluice' ? 'sluice' : name === 'rsyslog' ? 'rsyslog' : 'sluice-archive'),
      )
    },
  },
  {
    name: 'connections',
    title: '10,000 TCP connections, a message now and then',
    systems: [sluice],
    run: (system) => manyConnections(system),
  },
  ...(['rfc3164', 'rfc5424'] as const).map((syslog): Scenario => {
    return {
      name: `archive-${syslog.slice(3)}`,
      title: `batches → archive, durably committed, ${syslog.replace('rfc', 'RFC ')}`,
      systems: [sluice],
      async run() {
        const result = await archiveIntake(syslog, 1_000_000, 4)
        say(`archive: ${result.smaller.toFixed(2)} times smaller than raw`)
        return result
      },
    }
  }),
  ...(['fsync', 'os'] as const).map((durability): Scenario => {
    return {
      name: `spool-${durability}`,
      title: `batches → spool → acknowledged, durability: ${durability}`,
      systems: [sluice],
      async run() {
        const result = await spoolFlow(4_000_000, durability)
        say(`spool: ${Math.round(result.bytesPerSecond / 1e6)} MB/s of message bytes`)
        return result
      },
    }
  }),
]

async function main(): Promise<void> {
  const words = process.argv.slice(2)
  const runsAt = words.indexOf('--runs')
  const runs = runsAt < 0 ? 5 : Number(words.splice(runsAt, 2)[1])
  const wanted = scenarios.filter(({ name }) => words.length === 0 || words.some((word) => name.startsWith(word)))
  for (const system of [sluice, syslogNg, rsyslog]) say(`${system.name}: ${system.version() ?? 'not installed'}`)
  say(`idle resident memory: ${MiB(await idleMemory())}`)
  for (const scenario of wanted) {
    try {
      await compare(scenario, runs)
    } catch (error) {
      say(`\n${scenario.title}: not measured, ${String(error)}`)
    }
  }
}

async function compare(scenario: Scenario, runs: number): Promise<void> {
  const systems = scenario.systems.filter((system) => system.version() !== undefined)
  const results = new Map<string, Result[]>(systems.map(({ name }) => [name, []]))
  for (let run = 0; run < runs; run += 1) {
    for (const system of systems) results.get(system.name)!.push(await scenario.run(system))
  }
  say(`\n${scenario.title} (median of ${runs})`)
  say('| system | messages/s | CPU µs/message | peak memory | arrived | rate ratio | CPU ratio |')
  say('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
  const ours = results.get('sluice')!
  const rate = median(ours.map((result) => result.rate))
  const cpu = median(ours.map((result) => result.cpu))
  for (const [name, list] of results) {
    const theirs = { rate: median(list.map((each) => each.rate)), cpu: median(list.map((each) => each.cpu)) }
    const memory = Math.max(...list.map((each) => each.memoryBytes))
    const arrived = list.every((each) => each.arrived === each.expected)
      ? 'all'
      : list.map((each) => `${each.arrived}/${each.expected}`).join(' ')
    const ratios =
      name === 'sluice' ? '| |' : `| ${(rate / theirs.rate).toFixed(2)}× | ${(cpu / theirs.cpu).toFixed(2)}× |`
    say(`| ${name} | ${thousands(theirs.rate)} | ${theirs.cpu.toFixed(2)} | ${MiB(memory)} | ${arrived} ${ratios}`)
  }
}

const say = (line: string) => process.stdout.write(`${line}\n`)
const thousands = (rate: number) => `${Math.round(rate / 1000)} k`
const MiB = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`

await main()
