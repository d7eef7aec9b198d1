// One measured run: a system is started, fed, watched until everything has come out, and stopped.

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuSeconds, peakMemoryBytes, processTree } from './measure.ts'
import type { Job, System } from './systems.ts'

export interface Result {
  /** Messages a second, from the first byte sent to the last byte out. */
  readonly rate: number
  /** CPU microseconds a message, all processes of the system together. */
  readonly cpu: number
  readonly memoryBytes: number
  readonly arrived: number
  readonly expected: number
}

export interface Feed {
  readonly syslog: 'rfc3164' | 'rfc5424'
  /** Messages with newline framing. */
  readonly corpus: Buffer
  readonly messages: number
  /** Messages of severity warning or worse. */
  readonly warnings: number
  /** How often the corpus is sent. */
  readonly times: number
  /** Over how many connections, and how many bytes at a time each sends; one, which sends as much as is taken, if absent. */
  readonly senders?: { readonly connections: number; readonly pieceBytes: number }
}

/**
 * How often the corpus is sent before the clock starts, for each system alike: what a daemon that runs for months costs is measured,
 * not its first seconds. After one round of 250,000 messages V8 was still compiling: 8 % of the CPU time of client and server.
 */
export const WARM_TIMES = 4

const QUIET_MS = 1_500
const GIVE_UP_MS = 300_000

/** TCP in, iso lines in a file out. */
export async function tcpToFile(system: System, feed: Feed): Promise<Result> {
  return inFolder(async (folder) => {
    const job: Job = { folder, port: await freePort(), syslog: feed.syslog, work: 'tcp-file' }
    return withSystem(system, job, async (child) => {
      const out = join(folder, 'out.log')
      const written = () => (existsSync(out) ? statSync(out).size : 0)
      await warmUp(job, feed, written)
      const before = cpuOf(child)
      const start = Date.now()
      await send(job, feed)
      const end = await quiet(written)
      return result(child, before, start, end, feed.messages * (feed.times + WARM_TIMES), countLines(out), feed)
    })
  })
}

/** TCP in, warnings and worse to TCP out. */
export async function relay(system: System, feed: Feed): Promise<Result> {
  const receiver = await startReceiver()
  try {
    return await inFolder(async (folder) => {
      const port = await freePort()
      const job: Job = { folder, port, syslog: feed.syslog, work: 'relay', relayPort: receiver.port }
      return withSystem(system, job, async (child) => {
        await warmUp(job, feed, () => receiver.counted().lines)
        const before = cpuOf(child)
        const start = Date.now()
        await send(job, feed)
        await quiet(() => receiver.counted().lines)
        const { lines, lastMs } = receiver.counted()
        return result(child, before, start, lastMs, feed.warnings * (feed.times + WARM_TIMES), lines, feed)
      })
    })
  } finally {
    receiver.child.kill()
  }
}

function result(
  child: ChildProcess,
  cpuBefore: number,
  startMs: number,
  endMs: number,
  expected: number,
  arrived: number,
  feed: Feed,
): Result {
  const sent = feed.messages * feed.times
  return {
    rate: sent / ((endMs - startMs) / 1000),
    cpu: ((cpuOf(child) - cpuBefore) * 1e6) / sent,
    memoryBytes: processTree(child.pid!).reduce((sum, pid) => sum + peakMemoryBytes(pid), 0),
    arrived,
    expected,
  }
}

/** CPU seconds of a system so far, all its processes together. */
export function cpuOf(child: ChildProcess): number {
  return processTree(child.pid!).reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

/** A temporary folder for the length of a run. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env['SLUICE_BENCH_DIR'] ?? tmpdir(), 'sluice-bench-'))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A system for the length of a run. */
export async function withSystem<T>(system: System, job: Job, run: (child: ChildProcess) => Promise<T>): Promise<T> {
  const child = await system.start(job)
  try {
    return await run(child)
  } finally {
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(force)
  }
}

async function warmUp(job: Job, feed: Feed, seen: () => number): Promise<void> {
  await send(job, { ...feed, times: WARM_TIMES })
  await quiet(seen)
}

function send(job: Job, feed: Feed): Promise<void> {
  const path = join(job.folder, 'corpus')
  writeFileSync(path, feed.corpus)
  const program = new URL('./sender.js', import.meta.url).pathname
  const { connections, pieceBytes } = feed.senders ?? { connections: 1, pieceBytes: 1024 * 1024 }
  const numbers = [feed.times, connections, pieceBytes].map(String)
  const child = spawn(process.execPath, [program, String(job.port), path, ...numbers], { stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the sender ended with ${code}`))))
  })
}

/**
 * Waits until a growing number has stood still; resolves to when it last grew, ms since the epoch. It is read every `everyMs`, which
 * must be longer the more a look costs: what is measured shares two processors with who measures.
 */
export async function quiet(read: () => number, everyMs = 10): Promise<number> {
  const deadline = Date.now() + GIVE_UP_MS
  let value = -1
  let changed = Date.now()
  while (Date.now() < deadline) {
    const now = read()
    if (now !== value) {
      value = now
      changed = Date.now()
    } else if (value > 0 && Date.now() - changed > QUIET_MS) return changed
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  return changed
}

async function startReceiver(): Promise<{
  readonly child: ChildProcess
  readonly port: number
  counted(): { readonly lines: number; readonly lastMs: number }
}> {
  const program = new URL('./receiver.js', import.meta.url).pathname
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  let counted = { lines: 0, lastMs: 0 }
  let rest = ''
  const port = await new Promise<number>((resolve) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const [first, , last] = line.split(' ').map(Number)
        if (last === undefined) resolve(first)
        else counted = { lines: first, lastMs: last }
      }
    })
  })
  return { child, port, counted: () => counted }
}

/** Lines of a file. */
export function countLines(path: string): number {
  const file = openSync(path, 'r')
  const piece = Buffer.alloc(4 * 1024 * 1024)
  let lines = 0
  for (let bytes = readSync(file, piece); bytes > 0; bytes = readSync(file, piece)) {
    const part = piece.subarray(0, bytes)
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) lines += 1
  }
  closeSync(file)
  return lines
}

/** A TCP port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
