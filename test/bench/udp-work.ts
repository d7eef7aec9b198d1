// UDP at a steady rate, sent by loggen (of syslog-ng), to an iso file.

import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { System } from './systems.ts'
import { countLines, cpuOf, freePort, inFolder, quiet, withSystem, type Result } from './work.ts'
import { peakMemoryBytes, processTree } from './measure.ts'

// What loggen is told: it sends a sixth more than that.
const RATE = 171_000
const SECONDS = 5
const BYTES = 145

/** 200,000 datagrams a second for five seconds; the rate that loggen reached counts, and each it sent must arrive. */
export function udpToFile(system: System): Promise<Result> {
  return inFolder(async (folder) => {
    const port = await freePort()
    return withSystem(system, { folder, port, syslog: 'rfc3164', work: 'udp-file' }, async (child) => {
      const before = cpuOf(child)
      const { sent, seconds } = await loggen(port)
      const out = join(folder, 'out.log')
      await quiet(() => (existsSync(out) ? statSync(out).size : 0))
      return {
        rate: sent / seconds,
        cpu: ((cpuOf(child) - before) * 1e6) / sent,
        memoryBytes: processTree(child.pid!).reduce((sum, pid) => sum + peakMemoryBytes(pid), 0),
        arrived: countLines(out),
        expected: sent,
      }
    })
  })
}

function loggen(port: number): Promise<{ sent: number; seconds: number }> {
  const rate = ['--rate', String(RATE), '--interval', String(SECONDS), '--size', String(BYTES), '--no-framing']
  const child = spawn('loggen', ['--inet', '--dgram', ...rate, '127.0.0.1', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      const match = /count=(\d+), time=([\d.]+)/.exec(text)
      if (match) resolve({ sent: Number(match[1]), seconds: Number(match[2]) })
      else reject(new Error(`loggen said: ${text}`))
    })
  })
}
