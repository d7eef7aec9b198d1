// Two machines in a network of their own: namespaces of this kernel that are joined by a cable (veth). Root is not needed if users may
// create namespaces.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryFolder, until } from './program.ts'

/** A set of namespaces (network, mounts) that stands for a machine. */
export class Machine {
  /** The command under which a program has to run to be on this machine (see `Setting.under`). */
  readonly under: readonly string[]
  readonly #holder: ChildProcess

  /** `namespaces` are the options of nsenter for the namespaces that the holder has of its own, besides its user namespace. */
  constructor(holder: ChildProcess, namespaces: readonly string[]) {
    this.#holder = holder
    this.under = ['nsenter', '-t', String(holder.pid), '-U', '--preserve-credentials', ...namespaces, '--']
  }

  get pid(): string {
    return String(this.#holder.pid)
  }

  /** Runs a command on this machine. Returns its output; throws if it fails. */
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
  /** Has the address 10.9.0.1 on the interface `west`, and a hosts file of its own. */
  readonly client: Machine
  /** Has the address 10.9.0.2 on the interface `east`. */
  readonly server: Machine
  /** Changes the addresses of the name `collector` on the client. */
  moveCollector(...addresses: string[]): void
}

/** Creates the two machines; undefined if this user may not create namespaces. */
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

/** Starts a process that keeps the namespaces of `words` alive until the end of the test; undefined if they cannot be created. */
export async function held(
  words: readonly string[],
  namespaces: readonly string[] = ['-n', '-m'],
): Promise<Machine | undefined> {
  const [command, ...rest] = [...words, 'sh', '-c', 'echo made; exec sleep infinity']
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  let isOver = false
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.once('error', () => (isOver = true))
  child.once('exit', () => (isOver = true))
  onTestFinished(() => void child.kill('SIGKILL'))
  await until('namespaces are made, or refused', () => output !== '' || isOver)
  return isOver ? undefined : new Machine(child, namespaces)
}
