// Runs the real program as a process: starts it with a configuration, reads its output, sends signals, and always stops it.

import { execFileSync, spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { createSocket, type Socket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const main = new URL('../../dist/main.js', import.meta.url).pathname

/** Waits until `check` returns something other than undefined or false, and returns that. Fails with `what` after the deadline. */
export async function until<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs: number = 60_000,
): Promise<T> {
  const start = Date.now()
  for (;;) {
    const value = await check()
    if (value !== undefined && value !== false) return value
    const waitedMs = Date.now() - start
    if (waitedMs > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    // Checks start programs and read files: the longer it takes, the less of a busy machine they may have.
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(20, waitedMs / 20), 500)))
  }
}

/** A new folder, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a configuration to a new file, removed after the test; returns its path. */
export function newConfig(text: string): string {
  const path = join(temporaryFolder(), 'sluice.yaml')
  writeFileSync(path, text)
  return path
}

/** Number of lines in a file; 0 if it does not exist yet. */
export function lineCount(path: string): number {
  return existsSync(path) ? Number.parseInt(execFileSync('wc', ['-l', path], { encoding: 'utf8' })) : 0
}

// Kernels give ports from 32768 on by themselves (ip(7)): none of these is taken by a connection or a socket of another test between
// here and the start of what it is for. Each worker of vitest has its own.
const PORTS_FROM = 10_000
const WORKERS_MAX = 16
const PORTS_OF_WORKER = 1_400
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS_MAX
let nextPort = randomInt(PORTS_OF_WORKER)

/** A port that is free on both TCP and UDP at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    nextPort = (nextPort + 1) % PORTS_OF_WORKER
    const port = PORTS_FROM + WORKERS_MAX * nextPort + worker
    if ((await listens(createServer(), port)) && (await binds(createSocket('udp4'), port))) return port
  }
}

function listens(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function binds(socket: Socket, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Setting {
  readonly cwd?: string
  /** User and group, if not those of the tests. */
  readonly uid?: number
  /** A command that executes the program: the program and its arguments are appended to it. */
  readonly under?: readonly string[]
}

function spawned(words: readonly string[], { cwd, uid, under = [] }: Setting): ChildProcessWithoutNullStreams {
  const user = uid === undefined ? {} : { uid, gid: uid }
  const [command, ...rest] = [...under, process.execPath, main, ...words]
  return spawn(command, rest, { cwd, ...user, env: { ...process.env, TZ: 'UTC' } })
}

/** Runs a command to its end. */
export function run(words: readonly string[], options: Setting & { input?: string | Buffer } = {}): Promise<Ended> {
  const child = spawned(words, options)
  const collected = collect(child)
  child.stdin.on('error', () => {}) // a command may end before it has read all of its input
  child.stdin.end(options.input ?? '')
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, ...collected() })))
}

/** Number of messages in a spool, and of those that its receiver has not acknowledged. */
export async function spoolTotals(spool: string): Promise<{ messages: number; waiting: number }> {
  const { stdout } = await run(['spool', 'ls', spool])
  const [, messages, waiting] = /^total +\d+ +(\d+) +(\d+) /m.exec(stdout) ?? ['', '0', '0']
  return { messages: Number(messages), waiting: Number(waiting) }
}

/** Runs a command whose reader closes the pipe after the first piece of output, as `head -1` does. */
export function runIntoClosedPipe(words: readonly string[], input: string = ''): Promise<Ended> {
  const child = spawned(words, {})
  const collected = collect(child)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  child.stdout.once('data', () => child.stdout.destroy())
  return new Promise((resolve) => child.once('exit', (status) => resolve({ status, ...collected() })))
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  return () => ({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() })
}

export interface Daemon {
  readonly child: ChildProcess
  /** The folder with its configuration and, unless configured otherwise, its data folder. */
  readonly folder: string
  output(): { stdout: string; stderr: string }
  /** Resolves when the daemon has logged that it is up; rejects if it has ended. */
  up(): Promise<void>
  /** Sends a signal (SIGTERM by default); resolves to the exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a mode with this configuration (`data:` is added if it is missing) and waits until it is up. Killed after the test. */
export async function daemon(
  mode: 'client' | 'relay' | 'server',
  configuration: string,
  folder: string = temporaryFolder(),
  setting: Setting = {},
): Promise<Daemon> {
  const config = join(folder, `${mode}.yaml`)
  const data = /^data:/m.test(configuration) ? '' : `data: ${JSON.stringify(join(folder, `data-${mode}`))}\n`
  writeFileSync(config, data + configuration)
  return started([mode, '-c', config], { cwd: folder, ...setting })
}

/** Starts a server that writes messages received over TCP to one file, byte for byte. */
export function rawFileServer(port: number, path: string, folder: string): Promise<Daemon> {
  const source = `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }\n`
  const destination = `destinations: { out: { type: file, path: ${JSON.stringify(path)}, line: raw } }\n`
  return daemon('server', source + destination, folder)
}

/** Starts a daemon with these arguments, and waits until it is up. Killed after the test. */
export async function started(words: readonly string[], setting: Setting & { cwd: string }): Promise<Daemon> {
  const daemon = launched(words, setting)
  await daemon.up()
  return daemon
}

/** Starts a daemon with these arguments, and does not wait for it. Killed after the test. */
export function launched(words: readonly string[], setting: Setting & { cwd: string }): Daemon {
  const child = spawned(words, setting)
  const output = collect(child)
  // Not `child.exitCode`, which is set before the last output of the process has been read.
  let closed: number | null | undefined
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (status) => {
      closed = status
      resolve(status)
    })
  })
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return ended
  }
  onTestFinished(async () => {
    await stop('SIGKILL')
  })
  const isUp = () => {
    const { stderr } = output()
    if (closed !== undefined) throw new Error(`${words[0]} ended with ${closed}:\n${stderr}`)
    return stderr.includes('sluice is up')
  }
  const up = async () => {
    await until(`${words[0]} is up`, isUp)
  }
  return { child, folder: setting.cwd, output, up, stop }
}

/** The lines of a daemon's log. */
export function logOf({ output }: Pick<Daemon, 'output'>): Record<string, unknown>[] {
  return output()
    .stderr.split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Bytes that the kernel of this machine has not delivered yet on connections to a port. */
export function unsentTo(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const columns = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return columns.reduce((sum, [, , remote = '', , queues = '']) => {
    return remote.endsWith(suffix) ? sum + Number.parseInt(queues.slice(0, 8), 16) : sum
  }, 0)
}
