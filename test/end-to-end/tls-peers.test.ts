// TLS with the real peers: rsyslog with its drivers for GnuTLS and OpenSSL and with librelp, syslog-ng with OpenSSL. Both ends have a
// certificate, and check that of the other.

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
  /** The file whose lines are sent, and the file in which they are stored. */
  readonly input: string
  readonly out: string
}

async function newPlace(): Promise<Place> {
  const folder = temporaryFolder()
  const input = join(folder, 'in.log')
  writeFileSync(input, '')
  mkdirSync(join(folder, 'own'))
  return { folder, port: await freePort(), input, out: join(folder, 'out.log') }
}

/** A sluice server that requires a client certificate. */
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

/** rsyslog's configuration for following `input`. */
const followed = ({ input }: Place) =>
  `module(load="imfile" mode="polling" pollingInterval="1")\ninput(type="imfile" file="${input}" tag="app:")\n`

const toFile = ({ out }: Place) =>
  `template(name="text" type="string" string="%msg%\\n")\naction(type="omfile" file="${out}" template="text")\n`

const again = 'action.resumeInterval="1" action.resumeRetryCount="-1"'

for (const driver of ['gtls', 'ossl']) {
  testWith(['rsyslogd', `lmnsd_${driver}.so`], `lines from rsyslog over TLS (${driver}) arrive`, async () => {
    const place = await newPlace()
    await collector(place, 'tls')
    const tls = `StreamDriver="${driver}" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"`
    const to = `target="127.0.0.1" port="${place.port}" protocol="tcp" TCP_Framing="octet-counted" ${tls} ${again}`
    await rsyslog(place.folder, `${driverFiles('client')}${followed(place)}action(type="omfwd" ${to})\n`)
    await expectAll(place)
  })

  testWith(['rsyslogd', `lmnsd_${driver}.so`], `lines to rsyslog over TLS (${driver}) arrive`, async () => {
    const place = await newPlace()
    const tls = `StreamDriver.Name="${driver}" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"`
    const input = `module(load="imtcp" ${tls})\ninput(type="imtcp" port="${place.port}" address="127.0.0.1")\n`
    await rsyslog(place.folder, `${driverFiles('server')}${input}${toFile(place)}`)
    await sender(place, 'tls')
    await expectAll(place)
  })
}

const relpFiles = (name: 'server' | 'client') =>
  `tls="on" tls.caCert="${pathOf('ca.crt')}" tls.myCert="${pathOf(`${name}.crt`)}" tls.myPrivKey="${pathOf(`${name}.key`)}"`

for (const library of ['gnutls', 'openssl']) {
  testWith(['rsyslogd'], `lines from rsyslog over RELP with TLS (${library}) arrive`, async () => {
    const place = await newPlace()
    await collector(place, 'relps')
    const tls = `${relpFiles('client')} tls.authMode="name" tls.permittedPeer=["localhost"]`
    const to = `target="localhost" port="${place.port}" ${tls} ${again}`
    const module = `module(load="omrelp" tls.tlslib="${library}")\n`
    await rsyslog(place.folder, `${module}${followed(place)}action(type="omrelp" ${to})\n`)
    await expectAll(place)
  })

  testWith(['rsyslogd'], `lines to rsyslog over RELP with TLS (${library}) arrive`, async () => {
    const place = await newPlace()
    const tls = `${relpFiles('server')} tls.authMode="name" tls.permittedPeer=["client"]`
    const input = `module(load="imrelp" tls.tlslib="${library}")\ninput(type="imrelp" port="${place.port}" ${tls})\n`
    await rsyslog(place.folder, `${input}${toFile(place)}`)
    await sender(place, 'relps')
    await expectAll(place)
  })
}

const ngFiles = (name: 'server' | 'client') =>
  `tls(ca-file("${pathOf('ca.crt')}") cert-file("${pathOf(`${name}.crt`)}") key-file("${pathOf(`${name}.key`)}") peer-verify(yes))`

testWith(['syslog-ng'], 'lines from syslog-ng over TLS arrive', async () => {
  const place = await newPlace()
  await collector(place, 'tls')
  const source = `source { file("${place.input}" program-override("app") flags(no-parse)); };`
  const to = `syslog("localhost" port(${place.port}) transport("tls") ${ngFiles('client')})`
  await syslogNg(place.folder, `log { ${source} destination { ${to}; }; };\n`)
  await expectAll(place)
})

testWith(['syslog-ng'], 'lines to syslog-ng over TLS arrive', async () => {
  const place = await newPlace()
  const source = `source { syslog(ip("127.0.0.1") port(${place.port}) transport("tls") ${ngFiles('server')}); };`
  const file = `destination { file("${place.out}" template("\${MESSAGE}\\n")); };`
  await syslogNg(place.folder, `log { ${source} ${file} };\n`)
  await sender(place, 'tls')
  await expectAll(place)
})

testWith(
  ['rsyslogd', 'lmnsd_gtls.so'],
  'if rsyslog refuses the client certificate, that is logged, and nothing is lost',
  async () => {
    const place = await newPlace()
    const tls = 'StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"'
    const input = `module(load="imtcp" ${tls})\ninput(type="imtcp" port="${place.port}" address="127.0.0.1")\n`
    await rsyslog(place.folder, `${driverFiles('server')}${input}${toFile(place)}`)
    const wrong = JSON.stringify({ cert: pathOf('stranger.crt'), key: pathOf('stranger.key'), ca: pathOf('ca.crt') })
    const text = (own: string) =>
      `sources: { apps: { type: file, paths: [${JSON.stringify(place.input)}], program: app } }\n` +
      `destinations: { up: { type: forward, to: ["tls://localhost:${place.port}"], tls: ${own} } }\n`
    const lines = numbered(1000)
    writeFileSync(place.input, lines.map((line) => `${line}\n`).join(''))
    const refused = await daemon('client', text(wrong), join(place.folder, 'own'))
    await until('it is logged', () => /TLS_HANDSHAKE.*certificate/.test(refused.output().stderr))
    await refused.stop('SIGKILL')
    await daemon('client', text(ours('client')), join(place.folder, 'own'))
    await until('all lines', () => linesOf(place.out).length >= lines.length)
    expect(linesOf(place.out)).toEqual(lines)
  },
)
