// The programs that are compared, each configured for the same work and tuned as its manual says: large windows and
// batches, two workers, no name lookups, UTC.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'

/** One piece of work that every system is configured for. */
export interface Job {
  /** Everything the system writes lies here. */
  readonly folder: string
  /** TCP (or UDP) port it listens on. */
  readonly port: number
  /** Syslog format of the input, where the system must be told. */
  readonly syslog: 'rfc3164' | 'rfc5424'
  /** `file`: to `<folder>/out.log` as iso lines; `archive`: to an archive, sluice alone; `relay`: warnings and worse to TCP `relayPort`, newline framing. */
  readonly work: 'tcp-file' | 'udp-file' | 'relay' | 'tail-relay' | 'relp-archive'
  readonly relayPort?: number
  /** `tail-relay`: the file to follow. */
  readonly input?: string
  /** What `tcp-file` listens for and `tail-relay` sends by; TCP where it is not given. */
  readonly transport?: 'relp'
}

export interface System {
  readonly name: string
  /** Its version, or undefined where it is not installed. */
  version(): string | undefined
  start(job: Job): Promise<ChildProcess>
}

const environment = { ...process.env, TZ: 'UTC' }

/** Where the unpacked rsyslog lies: syslog-ng and rsyslog cannot both be installed. */
const peersFolder = process.env['SLUICE_PEERS_DIR'] ?? ''

function found(program: string): string | undefined {
  for (const folder of ['/usr/sbin', '/usr/bin', join(peersFolder, 'usr/sbin')]) {
    if (folder !== 'usr/sbin' && existsSync(join(folder, program))) return join(folder, program)
  }
  return undefined
}

function versionOf(program: string, flag: string, environment?: NodeJS.ProcessEnv): string | undefined {
  const path = found(program)
  if (!path) return undefined
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8', env: { ...process.env, ...environment } })
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0]
}

async function started(child: ChildProcess, job: Job): Promise<ChildProcess> {
  const deadline = Date.now() + 20_000
  let ended = false
  child.once('exit', () => (ended = true))
  while (Date.now() < deadline && !ended) {
    if (job.work === 'udp-file' || job.work === 'tail-relay') {
      if (existsSync(join(job.folder, 'ready')) || Date.now() > deadline - 18_500) return child
    } else if (await accepts(job.port)) return child
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${child.spawnfile} did not start`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

export const sluice: System = {
  name: 'sluice',
  version: () => 'this',
  start(job) {
    const config = join(job.folder, 'sluice.yaml')
    const out = JSON.stringify(join(job.folder, 'out.log'))
    const scheme = job.work === 'udp-file' ? 'udp' : (job.transport ?? 'tcp')
    const sources =
      job.work === 'tail-relay'
        ? `  in: { type: file, paths: [${JSON.stringify(job.input)}] }`
        : `  in: { type: syslog, listen: ["${scheme}://127.0.0.1:${job.port}"] }`
    const relay = `{ type: forward, to: ["${job.transport ?? 'tcp'}://127.0.0.1:${job.relayPort}"]${job.transport ? '' : ', framing: newline'} }`
    const file = `{ type: file, path: ${out}, line: iso }`
    const destinations = job.work === 'relp-archive' ? '{ type: archive }' : job.work.endsWith('file') ? file : relay
    const where = job.work === 'relay' ? 'where: "severity:>=warning", ' : ''
    const text = `data: ${JSON.stringify(join(job.folder, 'data'))}
sources:
${sources}
destinations:
  out: ${destinations}
routes:
  - { ${where}to: [out] }
`
    writeFileSync(config, text)
    const program = new URL('../../../dist/main.js', import.meta.url).pathname
    const mode = job.work === 'tail-relay' ? 'client' : 'server'
    const stdio = ['ignore', 'inherit', 'ignore'] as const
    return started(spawn(process.execPath, [program, mode, '-c', config], { env: environment, stdio: [...stdio] }), job)
  },
}

/** With worker threads. */
export const syslogNg: System = {
  name: 'syslog-ng',
  version: () => versionOf('syslog-ng', '--version'),
  start: (job) => startSyslogNg(job, true),
}

/** Without worker threads: on a small virtual machine, where waking a thread is dear, it is nearly twice as fast so. */
export const syslogNgOneThread: System = {
  ...syslogNg,
  name: 'syslog-ng, one thread',
  start: (job) => startSyslogNg(job, false),
}

function startSyslogNg(job: Job, threaded: boolean): Promise<ChildProcess> {
  const config = join(job.folder, 'syslog-ng.conf')
  const flags = job.syslog === 'rfc5424' ? 'flags(syslog-protocol)' : ''
  const source =
    job.work === 'udp-file'
      ? `network(transport("udp") ip("127.0.0.1") port(${job.port}) so-rcvbuf(8388608) log-iw-size(100000) log-fetch-limit(2000) ${flags});`
      : `network(transport("tcp") ip("127.0.0.1") port(${job.port}) max-connections(1000) log-iw-size(100000) log-fetch-limit(2000) ${flags});`
  const destination =
    job.work === 'relay'
      ? `network("127.0.0.1" port(${job.relayPort}) transport("tcp"));`
      : `file("${job.folder}/out.log" template("$ISODATE $HOST $MSGHDR$MSG\\n"));`
  const filter = job.work === 'relay' ? 'filter(f);' : ''
  const text = `@version: 3.38
options { threaded(${threaded ? 'yes' : 'no'}); use-dns(no); dns-cache(no); keep-hostname(yes); flush-lines(1000); log-fifo-size(200000); stats-freq(0); frac-digits(6); };
source s { ${source} };
destination d { ${destination} };
filter f { severity(warning..emerg) };
log { source(s); ${filter} destination(d); flags(flow-control); };
`
  writeFileSync(config, text)
  const state = ['--persist-file', join(job.folder, 'ng.persist'), '--control', join(job.folder, 'ng.ctl')]
  const flagsOf = ['-F', '--no-caps', '-f', config, '-p', join(job.folder, 'ng.pid'), '--worker-threads=2', ...state]
  return started(spawn(found('syslog-ng')!, flagsOf, { env: environment, stdio: 'ignore' }), job)
}

// A queue that stays full for its default of two seconds has a message thrown away: where the machine stands still for so
// long, rsyslog would be counted as the loser of what it was not given the time to send.
const RSYSLOG_PATIENCE = 'queue.timeoutEnqueue="600000"'

const rsyslogLibraries = {
  LD_LIBRARY_PATH: join(peersFolder, 'usr/lib/x86_64-linux-gnu'),
}

export const rsyslog: System = {
  name: 'rsyslog',
  version: () => versionOf('rsyslogd', '-v', rsyslogLibraries),
  start(job) {
    const config = join(job.folder, 'rsyslog.conf')
    mkdirSync(join(job.folder, 'work'), { recursive: true })
    const modules = existsSync(join(peersFolder, 'usr/lib/x86_64-linux-gnu/rsyslog'))
      ? join(peersFolder, 'usr/lib/x86_64-linux-gnu/rsyslog')
      : '/usr/lib/x86_64-linux-gnu/rsyslog'
    const inputs = {
      'tcp-file': job.transport
        ? `module(load="imrelp")\ninput(type="imrelp" address="127.0.0.1" port="${job.port}")`
        : `module(load="imptcp" threads="2")\ninput(type="imptcp" address="127.0.0.1" port="${job.port}" socketBacklog="1024")`,
      relay: `module(load="imptcp" threads="2")\ninput(type="imptcp" address="127.0.0.1" port="${job.port}" socketBacklog="1024")`,
      'udp-file': `module(load="imudp" threads="2" batchSize="256")\ninput(type="imudp" address="127.0.0.1" port="${job.port}" rcvbufSize="8m")`,
      'relp-archive': '',
      'tail-relay': `module(load="imfile")\ninput(type="imfile" file="${job.input}" tag="app:")`,
    }
    const output = job.work.endsWith('file')
      ? `action(type="omfile" file="${job.folder}/out.log" template="RSYSLOG_FileFormat" asyncWriting="on" ioBufferSize="256k" flushOnTXEnd="off" flushInterval="1")`
      : job.transport
        ? `module(load="omrelp")\naction(type="omrelp" target="127.0.0.1" port="${job.relayPort}" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096" ${RSYSLOG_PATIENCE} template="RSYSLOG_ForwardFormat")`
        : `action(type="omfwd" target="127.0.0.1" port="${job.relayPort}" protocol="tcp" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096" ${RSYSLOG_PATIENCE} template="RSYSLOG_ForwardFormat")`
    const action = job.work === 'relay' ? `if $syslogseverity <= 4 then { ${output} }` : output
    const text = `global(workDirectory="${job.folder}/work" net.enableDNS="off" maxMessageSize="64k")
main_queue(queue.size="400000" queue.dequeueBatchSize="4096" queue.workerThreads="2" ${RSYSLOG_PATIENCE})
${inputs[job.work]}
${action}
`
    writeFileSync(config, text)
    const flags = ['-n', '-f', config, '-i', join(job.folder, 'rsyslog.pid'), '-M', modules]
    const env = { ...environment, ...rsyslogLibraries }
    return started(spawn(found('rsyslogd')!, flags, { env, stdio: 'ignore' }), job)
  },
}
