// What goes through comes out as it went in: bytes through a relay, this machine's own logs through a client.

import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rfc3164, rfc5424, variedMessages } from './messages.ts'
import { daemon, freePort, temporaryFolder, until } from './program.ts'

/** Listens on TCP and keeps every byte. */
async function keeper(): Promise<{ port: number; bytes: () => Buffer }> {
  const chunks: Buffer[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, bytes: () => Buffer.concat(chunks) }
}

const varied = variedMessages().flatMap((message) => [Buffer.from(rfc5424(message)), Buffer.from(rfc3164(message))])
/** What no format allows, but a relay has to pass on as it is. */
const odd = [
  Buffer.from('<34>Oct 11 22:14:15 mymachine su: bell \u0007, tab \t, escape \u001b[31m, delete \u007f'),
  Buffer.from([...Buffer.from('<13>Nov  1 00:00:00 h p: not UTF-8 '), 0xff, 0xfe, 0xc3, 0x28, 0x80]),
  Buffer.from('<13>1 2003-10-11T22:14:15.003Z h p - - - \ufeffwith a byte order mark'),
  Buffer.from('<13>1 not-a-time h p - - [broken x=1] text'),
  Buffer.from('<191>'),
  Buffer.from('<0>x'),
  Buffer.from('<13>  leading and trailing spaces  '),
  Buffer.from(`<13>Nov 20 10:00:00 h p: ${'y'.repeat(300_000)}`),
]
/** Only a counted frame can hold these. */
const counted = [
  Buffer.from('<13>Nov 20 10:00:00 h p: line one\nline two\r\nline three'),
  Buffer.from('<13>Nov 20 10:00:00 h p: a NUL \0 inside'),
]

async function throughRelay(framing: 'octet' | 'newline', frames: readonly Buffer[]): Promise<Buffer> {
  const receiver = await keeper()
  const port = await freePort()
  await daemon(
    'relay',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: forward, to: ["tcp://127.0.0.1:${receiver.port}"], framing: ${framing} } }
`,
  )
  const sent = Buffer.concat(frames)
  connect(port, '127.0.0.1').end(sent)
  await until('every byte is through', () => receiver.bytes().length >= sent.length)
  return receiver.bytes()
}

test('a relay passes counted frames on byte for byte', async () => {
  const frames = [...varied, ...odd, ...counted].map((bytes) => Buffer.concat([Buffer.from(`${bytes.length} `), bytes]))
  expect((await throughRelay('octet', frames)).equals(Buffer.concat(frames))).toBe(true)
})

test('a relay passes lines on byte for byte', async () => {
  const frames = [...varied, ...odd].map((bytes) => Buffer.concat([bytes, Buffer.from('\n')]))
  expect((await throughRelay('newline', frames)).equals(Buffer.concat(frames))).toBe(true)
})

// ── files ──

const LOGS = '/var/log'
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** Text files under /var/log that this user may read. */
function ownLogs(): { name: string; bytes: Buffer }[] {
  const names = readdirSync(LOGS, { recursive: true, withFileTypes: true })
  return names.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !readable(path)) return []
    const bytes = readFileSync(path)
    // The journal, and what has been rotated and compressed, is not lines.
    if (bytes.length === 0 || bytes.length > FILE_BYTES_MAX || bytes.includes(0)) return []
    return [{ name: path.replaceAll('/', '+'), bytes }]
  })
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

test("every line of this machine's own logs comes out once, as it is", async () => {
  const folder = temporaryFolder()
  const logs = join(folder, 'logs')
  mkdirSync(logs)
  // Copies, since the originals may grow while they are compared; with one file of our own where a machine has none.
  const files = [...ownLogs(), { name: 'own.log', bytes: Buffer.from('one\n\n two\t\n\xff\xfe\nthree\r\n', 'latin1') }]
  for (const { name, bytes } of files) writeFileSync(join(logs, name), ended(bytes))

  const sources = files.map(({ name }, i) => {
    return `  f${i}: { type: file, paths: [${JSON.stringify(join(logs, name).replaceAll(/[[\]{}()*?!]/g, '?'))}] }\n`
  })
  const out = JSON.stringify(join(folder, 'out', '{source}.log'))
  await daemon(
    'client',
    `sources:\n${sources.join('')}destinations: { out: { type: file, path: ${out}, line: raw } }\n`,
    folder,
  )
  for (const [i, { bytes }] of files.entries()) {
    const path = join(folder, 'out', `f${i}.log`)
    const expected = messages(ended(bytes))
    await until(
      `all lines of ${files[i].name}`,
      () => existsSync(path) && messages(readFileSync(path)).length >= expected.length,
    )
    expect(messages(readFileSync(path)), files[i].name).toEqual(expected)
  }
})

/** A line ends in LF or CR LF; one without text is no message. */
const messages = (bytes: Buffer) =>
  bytes
    .toString('latin1')
    .split(/\r*\n/)
    .filter((line) => line !== '')
const ended = (bytes: Buffer) => (bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')]))
