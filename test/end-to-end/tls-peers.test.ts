// TLS with the real peers: rsyslog by its drivers for GnuTLS and OpenSSL and by librelp, syslog-ng by OpenSSL. Each shows a
// certificate and checks ours.

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { pathOf } from '../tls/certificates.ts'
import { rsyslog, syslogNg, testWith } from './peers.ts'
import { daemon, freePort, temporaryFolder, until, type Daemon } from './program.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i} of many`)
const linesOf = (path: string) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => line.trim())
    : []

const ours = (name: 'server' | 'client') =>
  JSON.stringify({ cert: pathOf(`${name}.crt`), key: pathOf(`${name}.key`), ca: pathOf('ca.crt') })

interface Place {
  readonly folder: string
  readonly port: number
  /** Where what is to be sent is written, and where it ends. */
  readonly input: string
  readonly out: string
}

async function place(): Promise<Place> {
  const folder = temporaryFolder()
  const input = join(folder, 'in.log')
  writeFileSync(input, '')
  mkdirSync(join(folder, 'own'))
  return { folder, port: await freePort(), input, out: join(folder, 'out.log') }
}

/** A collector of ours; clients must show a certificate. */
function collector({ folder, port, out }: Place, scheme: 'tls' | 'relps'): Promise<Daemon> {
  const source = `{ type: syslog, listen: ["${scheme}://127.0.0.1:${port}"], tls: ${ours('server')} }`
  const destination = `{ type: file, path: ${JSON.stringify(out)}, line: "{message}" }`
  const text = `sources: { net: ${source} }\ndestinations: { out: ${destination} }\n`
  return daemon('server', text, join(folder, 'own'))
}

function sender({ folder, port, input }: Place, scheme: 'tls' | 'relps'): Promise<Daemon> {
  const source = `{ type: file, paths: [${JSON.stringify(input)}], program: app }`
  const destination = `{ type: forward, to: ["${scheme}://localhost:${port}"], tls: ${ours('client')} }`
  const text = `sources: { apps: ${source} }\ndestinations: { up: ${destination} }\n`
  return daemon('client', text, join(folder, 'own'))
}

async function expectAll({ input, out }: Place): Promise<void> {
  const lines = numbered(2000)
  appendFileSync(input, lines.map((line) => `${line}\n`).join(''))
  await until('all lines', () => linesOf(out).length >= lines.length)
  expect(linesOf(out)).toEqual(lines)
}

const driverFiles = (name: 'server' | 'client') =>
  `global(defaultNetstreamDriverCAFile="${pathOf('ca.crt')}" defaultNetstreamDriverCertFile="${pathOf(`${name}.crt`)}" ` +
  `defaultNetstreamDriverKeyFile="${pathOf(`${name}.key`)}")\n`

/** What follows the file `in.log`, as rsyslog's input. */
const followed = ({ input }: Place) =>
  `module(load="imfile" mode="polling" pollingInterval="1")\ninput(type="imfile" file="${input}" tag="app:")\n`

const written = ({ out }: Place) =>
  `template(name="text" type="string" string="%msg%\\n")\naction(type="omfile" file="${out}" template="text")\n`

const again = 'action.resumeInterval="1" action.resumeRetryCount="-1"'

for (const driver of ['gtls', 'ossl']) {
  testWith(['rsyslogd', `lmnsd_${driver}.so`], `what rsyslog sends over TLS (${driver}) arrives`, async () => {
    const where = await place()
    await collector(where, 'tls')
    const tls = `StreamDriver="${driver}" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"`
    const to = `target="127.0.0.1" port="${where.port}" protocol="tcp" TCP_Framing="octet-counted" ${tls} ${again}`
    await rsyslog(where.folder, `${driverFiles('client')}${followed(where)}action(type="omfwd" ${to})\n`)
    await expectAll(where)
  })

  testWith(['rsyslogd', `lmnsd_${driver}.so`], `what we send to rsyslog over TLS (${driver}) arrives`, async () => {
    const where = await place()
    const tls = `StreamDriver.Name="${driver}" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"`
    const input = `module(load="imtcp" ${tls})\ninput(type="imtcp" port="${where.port}" address="127.0.0.1")\n`
    await rsyslog(where.folder, `${driverFiles('server')}${input}${written(where)}`)
    await sender(where, 'tls')
    await expectAll(where)
  })
}

const relpFiles = (name: 'server' | 'client') =>
  `tls="on" tls.caCert="${pathOf('ca.crt')}" tls.myCert="${pathOf(`${name}.crt`)}" tls.myPrivKey="${pathOf(`${name}.key`)}"`

for (const library of ['gnutls', 'openssl']) {
  testWith(['rsyslogd'], `what rsyslog sends over RELP with TLS (${library}) arrives`, async () => {
    const where = await place()
    await collector(where, 'relps')
    const tls = `${relpFiles('client')} tls.authMode="name" tls.permittedPeer=["localhost"]`
    const to = `target="localhost" port="${where.port}" ${tls} ${again}`
    const module = `module(load="omrelp" tls.tlslib="${library}")\n`
    await rsyslog(where.folder, `${module}${followed(where)}action(type="omrelp" ${to})\n`)
    await expectAll(where)
  })

  testWith(['rsyslogd'], `what we send to rsyslog over RELP with TLS (${library}) arrives`, async () => {
    const where = await place()
    const tls = `${relpFiles('server')} tls.authMode="name" tls.permittedPeer=["client"]`
    const input = `module(load="imrelp" tls.tlslib="${library}")\ninput(type="imrelp" port="${where.port}" ${tls})\n`
    await rsyslog(where.folder, `${input}${written(where)}`)
    await sender(where, 'relps')
    await expectAll(where)
  })
}

const ngFiles = (name: 'server' | 'client') =>
  `tls(ca-file("${pathOf('ca.crt')}") cert-file("${pathOf(`${name}.crt`)}") key-file("${pathOf(`${name}.key`)}") peer-verify(yes))`

testWith(['syslog-ng'], 'what syslog-ng sends over TLS arrives', async () => {
  const where = await place()
  await collector(where, 'tls')
  const source = `source { file("${where.input}" program-override("app") flags(no-parse)); };`
  const to = `syslog("localhost" port(${where.port}) transport("tls") ${ngFiles('client')})`
  await syslogNg(where.folder, `log { ${source} destination { ${to}; }; };\n`)
  await expectAll(where)
})

testWith(['syslog-ng'], 'what we send to syslog-ng over TLS arrives', async () => {
  const where = await place()
  const source = `source { syslog(ip("127.0.0.1") port(${where.port}) transport("tls") ${ngFiles('server')}); };`
  const file = `destination { file("${where.out}" template("\${MESSAGE}\\n")); };`
  await syslogNg(where.folder, `log { ${source} ${file} };\n`)
  await sender(where, 'tls')
  await expectAll(where)
})

testWith(
  ['rsyslogd', 'lmnsd_gtls.so'],
  'rsyslog refuses a stranger’s certificate: it is said, and nothing is lost',
  async () => {
    const where = await place()
    const tls = 'StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"'
    const input = `module(load="imtcp" ${tls})\ninput(type="imtcp" port="${where.port}" address="127.0.0.1")\n`
    await rsyslog(where.folder, `${driverFiles('server')}${input}${written(where)}`)
    const wrong = JSON.stringify({ cert: pathOf('stranger.crt'), key: pathOf('stranger.key'), ca: pathOf('ca.crt') })
    const text = (own: string) =>
      `sources: { apps: { type: file, paths: [${JSON.stringify(where.input)}], program: app } }\n` +
      `destinations: { up: { type: forward, to: ["tls://localhost:${where.port}"], tls: ${own} } }\n`
    const lines = numbered(1000)
    writeFileSync(where.input, lines.map((line) => `${line}\n`).join(''))
    const refused = await daemon('client', text(wrong), join(where.folder, 'own'))
    await until('it says so', () => /TLS_HANDSHAKE.*certificate/.test(refused.output().stderr))
    await refused.stop('SIGKILL')
    await daemon('client', text(ours('client')), join(where.folder, 'own'))
    await until('all lines', () => linesOf(where.out).length >= lines.length)
    expect(linesOf(where.out)).toEqual(lines)
  },
)
