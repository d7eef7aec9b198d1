// Runs the real peers, syslog-ng and rsyslog, if they are installed. Tests whose peer is missing are skipped, or fail with
// SLUICE_REQUIRE_PEERS=1, which CI sets.

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { until } from './program.ts'

/** Debian's packages of syslog-ng and rsyslog conflict, so one of them is only unpacked, in this folder. */
const unpacked = process.env['SLUICE_PEERS_DIR'] ?? ''
const required = process.env['SLUICE_REQUIRE_PEERS'] === '1'

/** The path of a program or a module of rsyslog; undefined if it is not installed. */
export function peerProgram(name: string): string | undefined {
  const below = ['usr/sbin', 'usr/bin', 'usr/lib/x86_64-linux-gnu/rsyslog']
  const folders = ['/', ...(unpacked ? [unpacked] : [])].flatMap((root) => below.map((folder) => join(root, folder)))
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** `test` if all these programs are installed or required, else a skipped test whose name says which are missing. */
export function testWith(programs: readonly string[], name: string, body: () => Promise<void>): void {
  const missing = programs.filter((program) => !peerProgram(program))
  if (missing.length === 0 || required) test(name, body)
  else test.skip(`${name} (not installed: ${missing.join(', ')})`, body)
}

/** Starts syslog-ng with this configuration (`@version` is added); killed after the test. */
export async function syslogNg(folder: string, configuration: string): Promise<ChildProcess> {
  const config = join(folder, 'syslog-ng.conf')
  writeFileSync(
    config,
    `@version: 3.38\noptions { use-dns(no); dns-cache(no); keep-hostname(yes); stats-freq(0); };\n${configuration}`,
  )
  const control = join(folder, 'syslog-ng.ctl')
  const places = ['-p', join(folder, 'ng.pid'), '--persist-file', join(folder, 'ng.persist'), '--control', control]
  const child = start('syslog-ng', ['-F', '--no-caps', '-f', config, ...places], {})
  await until('syslog-ng is up', () => alive(child) && existsSync(control))
  return child
}

/** Starts rsyslogd with this configuration; killed after the test. */
export async function rsyslog(folder: string, configuration: string): Promise<ChildProcess> {
  const config = join(folder, 'rsyslog.conf')
  writeFileSync(config, `global(workDirectory="${folder}" net.enableDNS="off")\n${configuration}`)
  const libraries = join(unpacked, 'usr/lib/x86_64-linux-gnu')
  const modules = existsSync(join(libraries, 'rsyslog'))
    ? join(libraries, 'rsyslog')
    : '/usr/lib/x86_64-linux-gnu/rsyslog'
  const pidFile = join(folder, 'rsyslog.pid')
  const child = start('rsyslogd', ['-n', '-f', config, '-i', pidFile, '-M', modules], { LD_LIBRARY_PATH: libraries })
  await until('rsyslog is up', () => alive(child) && existsSync(pidFile))
  return child
}

function alive(child: ChildProcess): boolean {
  if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
  return true
}

function start(name: string, words: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  const env = { ...process.env, TZ: 'UTC', ...environment }
  const child = spawn(peerProgram(name)!, words, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return child
}
