// Two machines in a network of their own: namespaces of this kernel, joined by a cable (veth), made without root where users
// may make namespaces.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryFolder, until } from './program.ts'

/** A machine's network, and its view of files. */
export class Machine {
  /** What stands before a command that runs on this machine. */
  readonly under: readonly string[]
  readonly #holder: ChildProcess

  /** `namespaces` are options of nsenter: those that the holder has of its own beside that of users. */
  constructor(holder: ChildProcess, namespaces: readonly string[]) {
    this.#holder = holder
    this.under = ['nsenter', '-t', String(holder.pid), '-U', '--preserve-credentials', ...namespaces, '--']
  }

  get pid(): string {
    return String(this.#holder.pid)
  }

  /** Runs a command on this machine; returns what it prints, throws where it fails. */
  run(...words: readonly string[]): string {
    const [command, ...rest] = [...this.under, ...words]
    return execFileSync(command, rest, { stdio: 'pipe', encoding: 'utf8' })
  }

  /** Whether a command succeeds on this machine. */
  can(...words: readonly string[]): boolean {
    try {
      this.run(...words)
      return true
    } catch {
      return false
    }
  }
}

export interface Machines {
  /** Has 10.9.0.1 on `west`, and a hosts file of its own. */
  readonly client: Machine
  /** Has 10.9.0.2 on `east`. */
  readonly server: Machine
  /** From now on the client finds the name `collector` there: at one address, or at each of several. */
  moveCollector(...addresses: string[]): void
}

/** Undefined where this user may not make namespaces. */
export async function twoMachines(): Promise<Machines | undefined> {
  const client = await held(['unshare', '--map-root-user', '--net', '--mount'])
  const server = client && (await held([...client.under, 'unshare', '--net', '--mount']))
  if (!server) return undefined
  const hosts = join(temporaryFolder(), 'hosts')
  const moveCollector = (...addresses: string[]) => {
    const lines = addresses.map((address) => `${address} collector\n`)
    writeFileSync(hosts, `127.0.0.1 localhost\n${lines.join('')}`)
  }
  moveCollector('10.9.0.2')
  client.run('mount', '--bind', hosts, '/etc/hosts')
  client.run('ip', 'link', 'add', 'west', 'type', 'veth', 'peer', 'name', 'east', 'netns', server.pid)
  client.run('ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'west')
  server.run('ip', 'addr', 'add', '10.9.0.2/24', 'dev', 'east')
  client.run('ip', 'link', 'set', 'west', 'up')
  server.run('ip', 'link', 'set', 'east', 'up')
  return { client, server, moveCollector }
}

/** A process that keeps namespaces alive for as long as the test runs. */
export async function held(
  words: readonly string[],
  namespaces: readonly string[] = ['-n', '-m'],
): Promise<Machine | undefined> {
  const [command, ...rest] = [...words, 'sh', '-c', 'echo made; exec sleep infinity']
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'ignore'] })
  let said = ''
  let isOver = false
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.once('error', () => (isOver = true))
  child.once('exit', () => (isOver = true))
  onTestFinished(() => void child.kill('SIGKILL'))
  await until('namespaces are made, or refused', () => said !== '' || isOver)
  return isOver ? undefined : new Machine(child, namespaces)
}
