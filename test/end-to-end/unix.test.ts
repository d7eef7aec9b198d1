// The real client with programs that log to /dev/log: logger(1), and syslog(3) of this machine's C library.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hasDatagrams, whereDatagrams } from '../source/unix-peers.ts'
import { peerProgram, testWith } from './peers.ts'
import { daemon, freePort, lineCount, temporaryFolder, until } from './program.ts'

const json = (value: unknown) => JSON.stringify(value)

function messagesOf(out: string): Record<string, string>[] {
  if (!existsSync(out)) return []
  const lines = readFileSync(out, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Record<string, string>)
}

for (const socket of hasDatagrams ? ['datagram', 'stream'] : ['stream']) {
  testWith(['logger'], `logger on a ${socket} socket arrives with its fields and this machine’s name`, async () => {
    const folder = temporaryFolder()
    const [path, out] = [join(folder, 'log'), join(folder, 'out')]
    const client = await daemon(
      'client',
      `sources: { local: { type: unix, path: ${json(path)}, socket: ${socket} } }
destinations: { out: { type: file, path: ${json(out)}, line: json } }
`,
      folder,
    )
    const words = [
      '-u',
      path,
      ...(socket === 'stream' ? ['--socket-errors=on'] : []),
      '-p',
      'auth.err',
      '-t',
      'testing',
    ]
    execFileSync('logger', [...words, '--id=4711', 'hello ünïcödé: 1'])
    execFileSync('logger', [...words, '--rfc5424', 'hello 5424'])
    await until('both', () => lineCount(out) === 2)
    const about = { facility: 'auth', severity: 'err', program: 'testing', host: hostname(), source: 'local' }
    expect(messagesOf(out)).toMatchObject([
      { ...about, pid: '4711', message: 'hello ünïcödé: 1' },
      { ...about, message: 'hello 5424' },
    ])
    expect(messagesOf(out)[0]['from']).toBeUndefined()
    expect(await client.stop()).toBe(0)
    expect(existsSync(path)).toBe(false)
  })
}

testWith(['python3'], 'messages that a client forwards over TCP have the host name of its machine', async () => {
  const folder = temporaryFolder()
  const [path, out] = [join(folder, 'log'), join(folder, 'out')]
  const port = await freePort()
  await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: file, path: ${json(out)}, line: json } }
`,
    folder,
  )
  await daemon(
    'client',
    `sources: { local: { type: unix, path: ${json(path)}, socket: stream } }
destinations: { out: { type: forward, to: ["tcp://127.0.0.1:${port}"] } }
`,
    folder,
  )
  const send = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.send(b'<38>Nov 23 10:00:00 su[230]: failed\\0<38>su: undated\\0no header\\0')`
  execFileSync('python3', ['-c', send, path])
  await until('all', () => lineCount(out) === 3)
  expect(messagesOf(out).map(({ host, program, message }) => [host, program, message])).toEqual([
    [hostname(), 'su', 'failed'],
    [hostname(), 'su', 'undated'],
    [hostname(), undefined, 'no header'],
  ])
})

// syslog(3) always uses /dev/log. In a mount namespace, if this user may create one, the test replaces /dev.
const within = (folder: string) => [
  ...['-Urm', 'sh', '-c', `mount -t tmpfs none /dev && ln -s "$0" /dev/log && exec "$@"`, join(folder, 'log')],
]
const allowed =
  hasDatagrams && !!peerProgram('python3') && spawnSync('unshare', [...within('/tmp'), 'true']).status === 0
const where = allowed ? '' : whereDatagrams || ' (skipped: no python3 or no user namespaces here)'

test.skipIf(!allowed)(
  `syslog(3) never blocks while the destination is stalled, and every message is either sent or counted as dropped${where}`,
  async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'log')
    // A stalled receiver: it accepts connections and reads nothing until `reads`.
    let received = 0
    let reads = false
    const receiver = createServer((socket) => {
      socket.on('error', () => {})
      socket.pause()
      const look = setInterval(() => reads && socket.resume(), 20)
      socket.on('close', () => clearInterval(look))
      let rest = ''
      socket.on('data', (chunk: Buffer) => {
        const parts = (rest + chunk.toString('latin1')).split('the end')
        received += parts.length - 1
        rest = parts.at(-1)!.slice(-'the end'.length)
      })
    })
    onTestFinished(() => void receiver.close())
    const port = await new Promise<number>((resolve) => {
      receiver.listen(0, '127.0.0.1', () => resolve((receiver.address() as { port: number }).port))
    })
    const client = await daemon(
      'client',
      `sources: { local: { type: unix, path: ${json(path)} } }
destinations: { out: { type: forward, to: ["tcp://127.0.0.1:${port}"] } }
`,
      folder,
    )
    const count = 20_000
    const script = `import syslog
syslog.openlog('prog')
for i in range(${count}): syslog.syslog(str(i).ljust(2000, 'x') + ' the end')`
    const sender = spawn('unshare', [...within(folder), 'python3', '-c', script], { stdio: 'inherit' })
    onTestFinished(() => void sender.kill('SIGKILL'))
    const status = await new Promise((resolve) => sender.once('close', resolve))
    expect(status).toBe(0)
    reads = true
    const dropped = () => {
      const counters = /"sluice_dropped_total\{reason=\\"unix_queue_full\\",where=\\"local\\"\}":(\d+)/g
      return Number([...client.output().stderr.matchAll(counters)].at(-1)?.[1] ?? 0)
    }
    expect(await client.stop()).toBe(0)
    await until('the rest is received', () => received + dropped() >= count)
    expect(received).toBeGreaterThan(0)
    expect(dropped()).toBeGreaterThan(0)
    expect(received + dropped()).toBe(count)
    expect(
      client
        .output()
        .stderr.split('\n')
        .filter((line) => line.includes('messages dropped')).length,
    ).toBeLessThan(20)
  },
)
