// syslog-ng and rsyslog send to sluice and receive from it, over UDP and TCP, in both formats and framings. Every message is compared
// field by field: the peers write JSON with their own templates, sluice with its `json` format.

import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import {
  asRfc3164,
  expectFields,
  inSeconds,
  ourFields,
  peerFields,
  rfc5424,
  variedMessages,
  type Fields,
} from './messages.ts'
import { rsyslog, syslogNg, testWith } from './peers.ts'
import { daemon, freePort, temporaryFolder, until } from './program.ts'

interface Way {
  /** Also the name of the file in which the messages end. */
  readonly name: string
  readonly transport: 'udp' | 'tcp'
  readonly framing: 'newline' | 'octet'
  readonly format: 'rfc3164' | 'rfc5424'
}

const ways: Way[] = (['rfc3164', 'rfc5424'] as const).flatMap((format): Way[] => [
  { name: `udp-${format}`, transport: 'udp', framing: 'newline', format },
  { name: `tcp-newline-${format}`, transport: 'tcp', framing: 'newline', format },
  { name: `tcp-octet-${format}`, transport: 'tcp', framing: 'octet', format },
])

interface Hop extends Way {
  readonly port: number
}

async function withPorts(given: readonly Way[]): Promise<Hop[]> {
  const hops: Hop[] = []
  for (const way of given) hops.push({ ...way, port: await freePort() })
  return hops
}

/** Sends messages in RFC 5424 over TCP with octet counting. */
const send = (port: number, messages: readonly Fields[]) => sendTexts(port, messages.map(rfc5424))

async function sendTexts(port: number, texts: readonly string[]): Promise<void> {
  const socket = await until('somebody listens', () => connected(port))
  for (const text of texts) {
    const bytes = Buffer.from(text)
    socket.write(Buffer.concat([Buffer.from(`${bytes.length} `), bytes]))
  }
  await new Promise<void>((resolve) => socket.end(resolve))
}

function connected(port: number) {
  return new Promise<ReturnType<typeof connect> | undefined>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'latin1').split('\n').length - 1 : 0)

/** Waits until the files of all hops are complete, then compares them. */
async function expectAll(
  folder: string,
  hops: readonly Hop[],
  sent: readonly Fields[],
  read: (line: string) => Fields,
  short: (fields: Fields) => Fields = asRfc3164,
) {
  for (const { name } of hops) {
    const path = join(folder, `${name}.json`)
    await until(`all ${sent.length} messages in ${path}`, () => linesOf(path) >= sent.length)
  }
  for (const { name, format } of hops) {
    const path = join(folder, `${name}.json`)
    if (format === 'rfc5424') expectFields(path, read, sent)
    else expectFields(path, (line) => inSeconds(read(line)), sent.map(short))
  }
}

// ── peers send to sluice ──

/** A server with one source per hop. The messages of each source are written to a file with its name. */
function collector(folder: string, hops: readonly Hop[]) {
  const sources = hops.map(({ name, transport, port }) => {
    return `  ${name}: { type: syslog, listen: ["${transport}://127.0.0.1:${port}"], zone: UTC }\n`
  })
  const out = JSON.stringify(join(folder, '{source}.json'))
  const text = `sources:\n${sources.join('')}destinations: { out: { type: file, path: ${out}, line: json } }\n`
  return daemon('server', text, folder)
}

testWith(['syslog-ng'], 'messages from syslog-ng arrive with every field', async () => {
  const folder = temporaryFolder()
  // syslog-ng uses octet counting only with RFC 5424.
  const hops = await withPorts(ways.filter(({ name }) => name !== 'tcp-octet-rfc3164'))
  await collector(folder, hops)
  const port = await freePort()
  const destinations = hops.map(({ transport, framing, format, port: to }) => {
    const place = `"127.0.0.1" port(${to}) transport("${transport}") time-zone("UTC") frac-digits(6)`
    if (framing === 'octet') return `destination { syslog(${place}); };`
    return `destination { network(${place} ${format === 'rfc5424' ? 'flags(syslog-protocol)' : ''}); };`
  })
  const source = `source { syslog(ip("127.0.0.1") port(${port}) transport("tcp")); };`
  await syslogNg(folder, `log { ${source} ${destinations.join(' ')} };\n`)
  const sent = variedMessages()
  await send(port, sent)
  await expectAll(folder, hops, sent, ourFields)
})

testWith(['rsyslogd'], 'messages from rsyslog arrive with every field', async () => {
  const folder = temporaryFolder()
  const hops = await withPorts(ways)
  await collector(folder, hops)
  const port = await freePort()
  const actions = hops.map(({ transport, framing, format, port: to }) => {
    const template = format === 'rfc5424' ? 'RSYSLOG_SyslogProtocol23Format' : 'RSYSLOG_TraditionalForwardFormat'
    const tcp = transport === 'tcp' ? ` TCP_Framing="${framing === 'octet' ? 'octet-counted' : 'traditional'}"` : ''
    return `action(type="omfwd" target="127.0.0.1" port="${to}" protocol="${transport}" template="${template}"${tcp})`
  })
  const input = `module(load="imptcp")\ninput(type="imptcp" address="127.0.0.1" port="${port}")`
  await rsyslog(folder, `${unchanged}\n${input}\n${actions.join('\n')}\n`)
  const sent = variedMessages()
  await send(port, sent)
  await expectAll(folder, hops, sent, ourFields, (fields) => {
    // rsyslog ends a tag without a process id with only a space, so that it cannot be told from the text.
    const { program, ...rest } = asRfc3164(fields)
    return fields.pid === undefined ? { ...rest, message: `${program} ${rest.message}` } : { ...rest, program }
  })
})

// ── sluice sends to peers ──

/** A relay that forwards the same messages to all hops; with the format `received` as they come in, which is RFC 5424. */
async function forwarder(folder: string, hops: readonly Hop[]): Promise<number> {
  const port = await freePort()
  const destinations = hops.map(({ name, transport, framing, format, port: to }) => {
    const as = name.endsWith('received') ? 'received' : format
    return `  ${name}: { type: forward, to: ["${transport}://127.0.0.1:${to}"], format: ${as}, framing: ${framing} }\n`
  })
  const source = `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }\n`
  await daemon('relay', `${source}destinations:\n${destinations.join('')}`, folder)
  return port
}

const outward: Way[] = [
  ...ways,
  ...ways
    .filter(({ format }) => format === 'rfc5424')
    .map((way) => ({ ...way, name: way.name.replace('rfc5424', 'received') })),
]

testWith(['syslog-ng'], 'syslog-ng reads every field of forwarded messages', async () => {
  const folder = temporaryFolder()
  const hops = await withPorts(outward)
  const pairs = [
    ...['facility=$FACILITY_NUM', 'severity=$LEVEL_NUM', 'time="$S_ISODATE"', 'host="$HOST"'],
    ...['program="$PROGRAM"', 'pid="$PID"', 'msgid="$MSGID"', 'sd="$SDATA"', 'message="$MESSAGE"'],
  ]
  const logs = hops.map(({ name, transport, framing, port }) => {
    const place = `ip("127.0.0.1") port(${port}) transport("${transport}")`
    const source = framing === 'octet' ? `syslog(${place})` : `network(${place} flags(syslog-protocol))`
    const template = `template("$(format-json ${pairs.join(' ').replaceAll('"', '\\"')})\\n")`
    const file = `file("${folder}/${name}.json" ${template} time-zone("UTC") frac-digits(3))`
    return `log { source { ${source}; }; destination { ${file}; }; };\n`
  })
  await syslogNg(folder, logs.join(''))
  const sent = variedMessages()
  await send(await forwarder(folder, hops), sent)
  await expectAll(folder, hops, sent, peerFields)
})

// syslog-ng cannot parse these headers as they were received: it replaces each message by one that says it could not be processed.
testWith(
  ['syslog-ng'],
  'syslog-ng reads malformed structured data once it is forwarded with `format: rfc5424`',
  async () => {
    const folder = temporaryFolder()
    const hops = await withPorts(ways.filter(({ name }) => name === 'tcp-octet-rfc5424'))
    const [{ name, port }] = hops
    const source = `syslog(ip("127.0.0.1") port(${port}) transport("tcp"))`
    const path = join(folder, `${name}.txt`)
    const file = `file("${path}" template("$HOST $PROGRAM $SDATA $MESSAGE\\n"))`
    await syslogNg(folder, `log { source { ${source}; }; destination { ${file}; }; };\n`)
    const loose = [
      '[a b="c" ]',
      '[a  b="c"]',
      '[a b="c"d="e"]',
      '[a b="x]y"]',
      '[a ä="c"]',
      '[a b="c"][a2 b="]" ]',
      '[a b=c]',
    ]
    const texts = loose.map((data) => `<14>1 2026-10-11T10:00:00Z h app 1 ID ${data} text`)
    await sendTexts(await forwarder(folder, hops), texts)
    await until('all of them', () => linesOf(path) >= loose.length)
    expect(readFileSync(path, 'utf8').split('\n').slice(0, -1)).toEqual([
      ...['h app [a b="c"] text', 'h app [a b="c"] text', 'h app [a b="c" d="e"] text', 'h app [a b="x\\]y"] text'],
      ...['h app [a %C3%A4="c"] text', 'h app [a b="c"][a2 b="\\]"] text', 'h app  [a b=c] text'],
    ])
  },
)

testWith(['rsyslogd'], 'rsyslog reads every field of forwarded messages', async () => {
  const folder = temporaryFolder()
  const hops = await withPorts(outward)
  const property = (name: string, outname: string, more = '') =>
    `property(name="${name}" outname="${outname}" format="jsonf" ${more})`
  const properties = [
    property('syslogfacility', 'facility'),
    property('syslogseverity', 'severity'),
    property('timereported', 'time', 'dateFormat="rfc3339" date.inUTC="on"').replace(
      'format="jsonf" ',
      'format="jsonf" ',
    ),
    ...[property('hostname', 'host'), property('app-name', 'program'), property('procid', 'pid')],
    ...[property('msgid', 'msgid'), property('structured-data', 'sd'), property('msg', 'message')],
  ]
  const template = `template(name="fields" type="list" option.jsonf="on") { ${properties.join(' ')} }`
  const inputs = hops.map(({ name, transport, port }) => {
    const input = `input(type="${transport === 'udp' ? 'imudp' : 'imptcp'}" address="127.0.0.1" port="${port}" ruleset="${name}")`
    const file = `action(type="omfile" file="${folder}/${name}.json" template="fields")`
    return `ruleset(name="${name}") { ${file} }\n${input}\n`
  })
  const modules = 'module(load="imptcp")\nmodule(load="imudp")'
  await rsyslog(folder, `${unchanged}\n${modules}\n${template}\n${inputs.join('')}`)
  const sent = variedMessages()
  await send(await forwarder(folder, hops), sent)
  // For RFC 3164, rsyslog's message begins with the space after the colon.
  const withoutSpace = (line: string) => {
    const fields = peerFields(line)
    return fields.msgid === undefined && fields.sd === undefined
      ? { ...fields, message: fields.message.replace(/^ /, '') }
      : fields
  }
  await expectAll(folder, hops, sent, withoutSpace)
})

/** Settings that keep messages unchanged: by default rsyslog cuts at 8 KiB, escapes control characters, and ends a program at a slash. */
const unchanged = `global(maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off" parser.permitSlashInProgramName="on")`
