// TLS between real programs: lines arrive; if they cannot, the reason is logged at both ends and nothing is lost.

import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pathOf } from '../tls/certificates.ts'
import { daemon, freePort, run, temporaryFolder, until, type Daemon } from './program.ts'

type Name = 'server' | 'renewed' | 'elsewhere' | 'client' | 'expired' | 'stranger'

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])
const logOf = (daemon: Daemon) => daemon.output().stderr

/** The option `tls:` with a certificate and key, as text for the configuration. */
function tlsOf(name: Name | undefined, more: object = { ca: pathOf('ca.crt') }): string {
  return JSON.stringify({ ...(name && { cert: pathOf(`${name}.crt`), key: pathOf(`${name}.key`) }), ...more })
}

interface Ends {
  readonly folder: string
  readonly port: number
  readonly scheme: string
  /** Appends numbered lines to the file that the client sends, and returns them. */
  readonly write: (count: number) => readonly string[]
  readonly server: (tls?: string, scheme?: string) => Promise<Daemon>
  readonly client: (tls?: string, host?: string) => Promise<Daemon>
  /** Resolves when everything that was written has arrived, in order. */
  readonly arrived: () => Promise<void>
}

async function ends(scheme: 'tls' | 'relps' | 'tcp' | 'relp'): Promise<Ends> {
  const folder = temporaryFolder()
  const port = await freePort()
  const [input, out] = [join(folder, 'in.log'), join(folder, 'out.log')]
  writeFileSync(input, '')
  const written: string[] = []
  const own = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name)
  }
  const option = (tls: string | undefined) => (tls === undefined ? '' : `, tls: ${tls}`)
  return {
    ...{ folder, port, scheme },
    write(count) {
      const lines = Array.from({ length: count }, (_, i) => `line ${written.length + i} of many`)
      written.push(...lines)
      appendFileSync(input, lines.map((line) => `${line}\n`).join(''))
      return lines
    },
    server(tls, listens = scheme) {
      const source = `{ type: syslog, listen: ["${listens}://127.0.0.1:${port}"]${option(tls)} }`
      const destination = `{ type: file, path: ${JSON.stringify(out)}, line: "{message}" }`
      return daemon('server', `sources: { net: ${source} }\ndestinations: { out: ${destination} }\n`, own('server'))
    },
    client(tls, host = '127.0.0.1') {
      const source = `{ type: file, paths: [${JSON.stringify(input)}], program: app }`
      const destination = `{ type: forward, to: ["${scheme}://${host}:${port}"]${option(tls)} }`
      return daemon('client', `sources: { apps: ${source} }\ndestinations: { up: ${destination} }\n`, own('client'))
    },
    async arrived() {
      await until('all lines', () => linesOf(out).length >= written.length)
      expect(linesOf(out)).toEqual(written)
    },
  }
}

const schemes = ['tls', 'relps'] as const

test.each(schemes)('%s: lines arrive with certificates at both ends, to a name and to an address', async (scheme) => {
  const { server, client, write, arrived } = await ends(scheme)
  await server(tlsOf('server'))
  write(2000)
  const first = await client(tlsOf('client'))
  await arrived()
  await first.stop()
  await client(tlsOf('client'), 'localhost')
  write(2000)
  await arrived()
})

test('relps: a server that is killed again and again stores each line once', async () => {
  const { server, client, write, arrived } = await ends('relps')
  let running = await server(tlsOf('server'))
  await client(tlsOf('client'))
  for (let round = 0; round < 3; round += 1) {
    write(2000)
    await running.stop('SIGKILL')
    write(1000)
    running = await server(tlsOf('server'))
  }
  await arrived()
})

test.each<[scheme: (typeof schemes)[number], name: Name | undefined, reason: string]>([
  ['tls', undefined, 'the client shows no certificate'],
  ['relps', undefined, 'the client shows no certificate'],
  ['tls', 'stranger', 'the client’s certificate is refused: it is signed by an unknown ca'],
  ['relps', 'stranger', 'the client’s certificate is refused: it is signed by an unknown ca'],
  ['tls', 'expired', 'the client’s certificate is refused: it has expired'],
])('%s: a wrong client certificate (%s) is logged at both ends, and nothing is lost', async (scheme, name, reason) => {
  const { server, client, write, arrived } = await ends(scheme)
  const receiver = await server(tlsOf('server'))
  write(1000)
  const wrong = await client(tlsOf(name))
  await until(
    'both log it',
    () => logOf(receiver).includes(reason) && logOf(wrong).includes('may want a client certificate'),
  )
  await until('it is tried again', () => logOf(wrong).split('may want a client certificate').length > 2)
  await wrong.stop('SIGKILL')
  await client(tlsOf('client'))
  await arrived()
})

test.each<[scheme: (typeof schemes)[number], name: Name, reason: string]>([
  ['tls', 'expired', 'its certificate is refused: it has expired'],
  ['relps', 'expired', 'its certificate is refused: it has expired'],
  ['tls', 'elsewhere', 'its certificate is not for 127.0.0.1'],
  ['relps', 'elsewhere', 'its certificate is not for 127.0.0.1'],
  ['tls', 'stranger', 'it is signed by an unknown ca; name its ca as `tls: { ca }`'],
])('%s: a server with a wrong certificate (%s) gets nothing until it has a valid one', async (scheme, name, reason) => {
  const { folder, server, client, write, arrived } = await ends(scheme)
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  const own = (as: Name) => {
    copyFileSync(pathOf(`${as}.crt`), cert)
    copyFileSync(pathOf(`${as}.key`), key)
  }
  own(name)
  const receiver = await server(JSON.stringify({ cert, key }))
  write(1000)
  const sender = await client(tlsOf(undefined))
  await until('it is logged', () => logOf(sender).includes(reason))
  expect(linesOf(join(folder, 'out.log'))).toEqual([])
  own('server')
  receiver.child.kill('SIGHUP')
  await arrived()
})

test('SIGHUP with a key that does not match is logged, and connections and the old certificate stay in use', async () => {
  const { folder, server, client, write, arrived } = await ends('tls')
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  copyFileSync(pathOf('server.crt'), cert)
  copyFileSync(pathOf('server.key'), key)
  const receiver = await server(JSON.stringify({ cert, key }))
  await client(tlsOf(undefined))
  write(100)
  await arrived()
  copyFileSync(pathOf('client.key'), key)
  receiver.child.kill('SIGHUP')
  await until('it is logged', () => logOf(receiver).includes(`is not the key of ${cert}`))
  write(100)
  await arrived()
})

test.each(schemes)('plain text to a %s port is logged, and the next client is served', async (scheme) => {
  const { port, server, client, write, arrived } = await ends(scheme)
  const receiver = await server(tlsOf('server', {}))
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('<34>this is plain\n')
  await until('it is logged', () => logOf(receiver).includes('the peer does not speak TLS on this port'))
  await client(tlsOf(undefined))
  write(100)
  await arrived()
})

test.each([
  ['tls', 'tcp'],
  ['relps', 'relp'],
] as const)('%s sent to a %s port is logged at both ends, and nothing is lost', async (scheme, plain) => {
  const { folder, server, client, write } = await ends(scheme)
  const receiver = await server(undefined, plain)
  const sent = write(100)
  const sender = await client(tlsOf(undefined))
  await until('the receiver logs it', () => logOf(receiver).includes('a peer speaks TLS to a plain port'))
  await until(
    'the sender logs it',
    () => logOf(sender).includes('does this port speak TLS') || logOf(sender).includes('does not speak TLS'),
  )
  await receiver.stop()
  await server(tlsOf('server', {}))
  // The plain port has stored parts of the TLS handshake as messages before them.
  await until('all lines', () => linesOf(join(folder, 'out.log')).includes(sent.at(-1)!))
  expect(linesOf(join(folder, 'out.log')).slice(-100)).toEqual(sent)
})

test('plain RELP sent to a relps port is logged with advice, and nothing is lost', async () => {
  const { server, client, write, arrived, port, folder } = await ends('relp')
  await server(tlsOf('server', {}), 'relps')
  write(100)
  const wrong = await client()
  await until('it is logged', () => logOf(wrong).includes('write relps://'))
  await wrong.stop('SIGKILL')
  const config = join(folder, 'client', 'client.yaml')
  const text = readFileSync(config, 'utf8').replace(
    `"relp://127.0.0.1:${port}"]`,
    `"relps://127.0.0.1:${port}"], tls: ${tlsOf(undefined)}`,
  )
  await daemon('client', text, join(folder, 'client'))
  await arrived()
})

test('faults of certificates are reported by check and at the start, with line and column', async () => {
  const folder = temporaryFolder()
  const config = join(folder, 'sluice.yaml')
  const wrong = JSON.stringify({ cert: '/nowhere/server.crt', key: pathOf('server.key') })
  writeFileSync(
    config,
    `data: ${folder}\nsources: { net: { type: syslog, listen: ["tls://127.0.0.1:0"], tls: ${wrong} } }\ndestinations: { out: { type: stdout } }\n`,
  )
  const checked = await run(['check', '-c', config])
  expect(checked.status).toBe(1)
  const fault = `${config}:2:77 CONFIG_WRONG_VALUE: tls.cert: /nowhere/server.crt cannot be read: there is no such file\n`
  expect(checked.stderr).toContain(fault)
  const started = await run(['server', '-c', config])
  expect([started.status, started.stderr.includes(fault)]).toEqual([2, true])
})

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

test.runIf(hasOpenssl)('openssl s_client can send over TLS 1.2 and 1.3, but not over older versions', async () => {
  const { folder, port, server } = await ends('tls')
  await server(tlsOf('server', {}))
  const send = (version: string, text: string) => {
    const words = [
      's_client',
      '-quiet',
      '-no_ign_eof',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      pathOf('ca.crt'),
      version,
    ]
    try {
      execFileSync('openssl', words, { input: text, stdio: ['pipe', 'ignore', 'ignore'] })
    } catch {
      // its exit status depends on how the connection ended, and does not matter here
    }
  }
  send('-tls1_1', '<13>app: one point one\n')
  send('-tls1_2', '<13>app: one point two\n')
  send('-tls1_3', '<13>app: one point three\n')
  await until('two lines', () => linesOf(join(folder, 'out.log')).length >= 2)
  expect(linesOf(join(folder, 'out.log')).sort()).toEqual(['one point three', 'one point two'])
})
