// The program runs out of descriptors and later has some again: what waits is logged, and nothing is lost. The limit of the running
// program is lowered to what it has open, and raised again, with prlimit(1) of util-linux.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hasDatagrams } from '../source/unix-peers.ts'
import { sleep } from './mortal.ts'
import { daemon, freePort, lineCount, logOf, run, temporaryFolder, until, type Daemon } from './program.ts'

const hasPrlimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0

const descriptorsOf = ({ child }: Daemon) => readdirSync(`/proc/${child.pid}/fd`).map(Number)

function limit({ child }: Daemon, open: number): void {
  execFileSync('prlimit', [`--pid=${child.pid}`, `--nofile=${open}:`])
}

/** Lowers the limit so that the daemon can open nothing more. */
function exhaust(of: Daemon): void {
  const open = new Set(descriptorsOf(of))
  let lowestFree = 0
  while (open.has(lowestFree)) lowestFree += 1
  limit(of, lowestFree)
}

/** Makes a connection and waits until the daemon has accepted it. */
async function accepted(by: Daemon, port: number): Promise<Socket> {
  const before = descriptorsOf(by).length
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await until('the connection is accepted', () => descriptorsOf(by).length > before)
  return socket
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `<13>Nov 20 10:00:00 h p: number ${i}\n`)

test.runIf(hasPrlimit)(
  'an archive that cannot open a file for its first message waits, logs why, and continues',
  async () => {
    const port = await freePort()
    const server = await daemon(
      'server',
      `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { archive: { type: archive } }
`,
    )
    const sender = await accepted(server, port)
    exhaust(server)
    sender.write(numbered(1000).join(''))
    const words = () => logOf(server).filter(({ msg }) => String(msg).startsWith('cannot write, will retry'))
    await until('it is logged', () => words().length > 0)
    expect(words()[0]['msg']).toMatch(/no descriptor is left.*LimitNOFILE/)
    // Time for some more attempts.
    await sleep(1000)
    limit(server, 1024)
    const archive = join(server.folder, 'data-server', 'archive')
    await until('all of it is stored', async () => {
      return (await run(['grep', '-c', '--archive', archive, 'number'])).stdout === '1000\n'
    })
    expect(await server.stop()).toBe(0)
    expect(readdirSync(archive).filter((name) => name.endsWith('.db'))).toHaveLength(1)
  },
)

test.runIf(hasPrlimit).each([
  ['tcp', (port: number) => `type: syslog, listen: ["tcp://127.0.0.1:${port}"]`],
  ['unix', () => 'type: unix, socket: stream, path: socket'],
])('%s: connections refused because few descriptors are left are logged and counted', async (kind, source) => {
  const port = await freePort()
  const folder = temporaryFolder()
  const under = ['prlimit', '--nofile=128:128']
  const configuration = `sources: { in: { ${source(port)} } }
destinations: { out: { type: file, path: "{program}.log" } }
`
  const server = await daemon('server', configuration, folder, { under })
  // Output files take half of the descriptors.
  const dial = () => (kind === 'unix' ? connect({ path: join(folder, 'socket') }) : connect(port, '127.0.0.1'))
  const first = dial()
  first.end(Array.from({ length: 64 }, (_, i) => `<13>1 - h p${i} - - - one\n`).join(''))
  await until('files are open', () => descriptorsOf(server).length > 80)
  const COUNT = 100
  let cut = 0
  const sockets = Array.from({ length: COUNT }, dial)
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.on('close', () => (cut += 1))
    socket.write('<13>1 - h p0 - - - one\n')
    socket.resume()
  }
  const counted = (name: string) =>
    Number(
      logOf(server).findLast(({ msg }) => msg === 'counters')?.[
        `sluice_connections_refused_total{source="in",reason="${name}"}`
      ],
    )
  let before = 0
  await until('some are turned away, and no more', async () => {
    const isAll = cut > 0 && cut === before
    before = cut
    await sleep(500)
    return isAll
  })
  expect(logOf(server).find(({ reason }) => reason === 'descriptors')?.['msg']).toMatch(/LimitNOFILE/)
  const turnedAway = cut
  expect(await server.stop()).toBe(0)
  expect(counted('descriptors')).toBe(turnedAway)
})

for (const socket of hasDatagrams ? ['datagram', 'stream'] : ['stream']) {
  test.runIf(hasPrlimit)(
    `a ${socket} socket file that is removed while no descriptor is left is created again once one is free`,
    async () => {
      const folder = temporaryFolder()
      const [path, out] = [join(folder, 'log'), join(folder, 'out')]
      const client = await daemon(
        'client',
        `sources: { local: { type: unix, path: ${JSON.stringify(path)}, socket: ${socket} } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw } }
`,
        folder,
      )
      const log = (text: string) => execFileSync('logger', ['-u', path, '--socket-errors=on', text])
      log('before')
      await until('the first message', () => lineCount(out) === 1)
      exhaust(client)
      rmSync(path)
      const refused = () =>
        logOf(client).find(({ msg }) => String(msg).startsWith('cannot create the socket file again'))
      await until('it is logged', () => refused() !== undefined)
      expect(refused()!['reason']).toMatch(/EMFILE/)
      expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([])
      limit(client, 1024)
      await until('the file is there again', () => existsSync(path))
      log('after')
      await until('the second message', () => lineCount(out) === 2)
      expect(await client.stop()).toBe(0)
    },
  )
}
