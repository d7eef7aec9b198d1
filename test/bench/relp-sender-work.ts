// rsyslog sends by RELP with its window of 128, to one system or the other, in a network of its own.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isBegun, openToRead, type Sqlite } from '../../collector/archive/sqlite.ts'
import { corpusBuffer } from './corpus-buffer.ts'
import { peakMemoryBytes, processTree } from './measure.ts'
import { asScript, inOwnNetwork } from './own-network.ts'
import { rsyslog, sluice, type Job } from './systems.ts'
import { countLines, cpuOf, freePort, inFolder, quiet, withSystem, type Result } from './work.ts'

const SYSTEMS = { sluice, rsyslog, 'sluice-archive': sluice }
type Name = keyof typeof SYSTEMS

const MESSAGES = 1_500_000
// What a daemon that runs for months costs is measured, not its first seconds: the first of the messages are not counted. The code of a
// commit runs some hundred times a second, and V8 has compiled all of it after half a minute.
const WARM_SHARE = 2 / 3
// The CPU time of a system is 2 ms of looking through /proc.
const LOOK_MS = 100

interface Sample {
  readonly ms: number
  readonly cpu: number
  readonly stored: number
}

export function relpSender(name: Name): Result {
  return inOwnNetwork(new URL(import.meta.url).pathname, name)
}

function run(name: Name): Promise<Result> {
  return inFolder(async (folder) => {
    const [serverFolder, clientFolder] = [join(folder, 'server'), join(folder, 'client')]
    mkdirSync(serverFolder)
    mkdirSync(clientFolder)
    const input = join(folder, 'input.log')
    writeFileSync(input, corpusBuffer('rfc3164', MESSAGES).corpus)
    const port = await freePort()
    const hop = { port, syslog: 'rfc3164', transport: 'relp' } as const
    const intoArchive = name === 'sluice-archive'
    const server: Job = { ...hop, folder: serverFolder, work: intoArchive ? 'relp-archive' : 'tcp-file' }
    return withSystem(SYSTEMS[name], server, async (child) => {
      const client: Job = { ...hop, folder: clientFolder, work: 'tail-relay', relayPort: port, input }
      return withSystem(rsyslog, client, async () => {
        const out = join(serverFolder, 'out.log')
        const archive = join(serverFolder, 'data/out')
        const stored = intoArchive ? storedIn(archive) : () => (existsSync(out) ? statSync(out).size : 0)
        const samples: Sample[] = []
        await quiet(() => {
          const now = stored()
          if (now !== samples.at(-1)?.stored) samples.push({ ms: Date.now(), cpu: cpuOf(child), stored: now })
          return now
        }, LOOK_MS)
        const end = samples.at(-1)!
        const warm = samples.find(({ stored }) => stored >= WARM_SHARE * end.stored)!
        const messages = MESSAGES * (1 - warm.stored / end.stored)
        const program = new URL('../../../dist/main.js', import.meta.url).pathname
        const grep = [program, 'grep', '-c', '--archive', archive]
        return {
          rate: messages / ((end.ms - warm.ms) / 1000),
          cpu: ((end.cpu - warm.cpu) * 1e6) / messages,
          memoryBytes: processTree(child.pid!).reduce((sum, pid) => sum + peakMemoryBytes(pid), 0),
          arrived: intoArchive ? Number(execFileSync(process.execPath, grep, { encoding: 'utf8' })) : countLines(out),
          expected: MESSAGES,
        }
      })
    })
  })
}

/** Reads how many messages an archive of one part has stored. */
function storedIn(folder: string): () => number {
  let part: Sqlite | undefined
  return () => {
    const name = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.db'))
    if (!name) return 0
    part ??= openToRead(join(folder, name))
    if (!isBegun(part)) return 0
    const sql = 'SELECT first + count AS end FROM block ORDER BY first DESC LIMIT 1'
    return part.prepare<[], { end: number }>(sql).get()?.end ?? 0
  }
}

await asScript(import.meta.url, (name) => run(name as Name))
