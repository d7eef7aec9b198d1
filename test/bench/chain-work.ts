// file → client → server → file, all on one machine.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peakMemoryBytes, processTree } from './measure.ts'
import type { System } from './systems.ts'
import { countLines, cpuOf, freePort, inFolder, quiet, WARM_TIMES, withSystem, type Feed, type Result } from './work.ts'

/** The clock runs from when the file begins to grow by the rounds that count. */
export function fileChain(system: System, feed: Feed, transport?: 'relp'): Promise<Result> {
  return inFolder(async (folder) => {
    const [serverFolder, clientFolder] = [join(folder, 'server'), join(folder, 'client')]
    mkdirSync(serverFolder)
    mkdirSync(clientFolder)
    const input = join(folder, 'input.log')
    const grow = () => writeFileSync(input, feed.corpus, { flag: 'a' })
    for (let i = 0; i < WARM_TIMES; i += 1) grow()
    const port = await freePort()
    const hop = transport ? { transport } : {}
    const server = { folder: serverFolder, port, syslog: feed.syslog, work: 'tcp-file', ...hop } as const
    return withSystem(system, server, async (serverChild) => {
      const client = { ...server, folder: clientFolder, work: 'tail-relay', relayPort: port, input } as const
      return withSystem(system, client, async (clientChild) => {
        const out = join(serverFolder, 'out.log')
        const written = () => (existsSync(out) ? statSync(out).size : 0)
        const cpu = () => cpuOf(serverChild) + cpuOf(clientChild)
        await quiet(written)
        const before = cpu()
        const start = Date.now()
        for (let i = 0; i < feed.times; i += 1) grow()
        const end = await quiet(written)
        const sent = feed.messages * feed.times
        const memory = [...processTree(serverChild.pid!), ...processTree(clientChild.pid!)].map(peakMemoryBytes)
        return {
          rate: sent / ((end - start) / 1000),
          cpu: ((cpu() - before) * 1e6) / sent,
          memoryBytes: Math.max(...memory),
          arrived: countLines(out),
          expected: sent + feed.messages * WARM_TIMES,
        }
      })
    })
  })
}
