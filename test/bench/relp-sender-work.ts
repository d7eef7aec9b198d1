// rsyslog sends by RELP with its window of 128, to one system or the other, in a network of its own.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { corpusBuffer } from './corpus-buffer.ts'
import { peakMemoryBytes, processTree } from './measure.ts'
import { asScript, inOwnNetwork } from './own-network.ts'
import { rsyslog, sluice, type Job } from './systems.ts'
import { countLines, cpuOf, freePort, inFolder, quiet, withSystem, type Result } from './work.ts'

const SYSTEMS = { sluice, rsyslog, 'sluice-archive': sluice }
type Name = keyof typeof SYSTEMS

const MESSAGES = 250_000
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
      const before = cpuOf(child)
      const client: Job = { ...hop, folder: clientFolder, work: 'tail-relay', relayPort: port, input }
      const start = Date.now()
      return withSystem(rsyslog, client, async () => {
        const out = join(serverFolder, 'out.log')
        const archive = join(serverFolder, 'data/out')
        const end = await quiet(() => (intoArchive ? lastWriteMs(archive) : existsSync(out) ? statSync(out).size : 0))
        const program = new URL('../../../dist/main.js', import.meta.url).pathname
        const grep = [program, 'grep', '-c', '--archive', archive]
        return {
          rate: MESSAGES / ((end - start) / 1000),
          cpu: ((cpuOf(child) - before) * 1e6) / MESSAGES,
          memoryBytes: processTree(child.pid!).reduce((sum, pid) => sum + peakMemoryBytes(pid), 0),
          arrived: intoArchive ? Number(execFileSync(process.execPath, grep, { encoding: 'utf8' })) : countLines(out),
          expected: MESSAGES,
        }
      })
    })
  })
}

// Its log is written over in place: sizes do not tell.
function lastWriteMs(folder: string): number {
  if (!existsSync(folder)) return 0
  return Math.max(0, ...readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs))
}

await asScript(import.meta.url, (name) => run(name as Name))
