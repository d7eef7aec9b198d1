// Nothing is changed on the way: bytes through a relay, and this machine's own logs through a client.

import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rfc3164, rfc5424, variedMessages } from './messages.ts'
import { daemon, freePort, temporaryFolder, until } from './program.ts'

/** A TCP server that keeps every byte it receives. */
async function collectingReceiver(): Promise<{ port: number; bytes: () => Buffer }> {
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
/** Malformed messages that a relay has to pass on unchanged. */
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
/** Messages that only octet counting can frame. */
const counted = [
  Buffer.from('<13>Nov 20 10:00:00 h p: line one\nline two\r\nline three'),
  Buffer.from('<13>Nov 20 10:00:00 h p: a NUL \0 inside'),
]

async function throughRelay(framing: 'octet' | 'newline', frames: readonly Buffer[]): Promise<Buffer> {
  const receiver = await collectingReceiver()
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

test('a relay forwards octet-counted frames byte for byte', async () => {
  const frames = [...varied, ...odd, ...counted].map((bytes) => Buffer.concat([Buffer.from(`${bytes.length} `), bytes]))
  expect((await throughRelay('octet', frames)).equals(Buffer.concat(frames))).toBe(true)
})

test('a relay forwards newline-framed messages byte for byte', async () => {
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
    // Files with zero bytes, such as the journal and compressed logs, have no lines.
    if (bytes.length === 0 || bytes.length > FILE_BYTES_MAX || bytes.includes(0)) return []
    return [{ name: path, bytes }]
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

/** Follows each file with a source of its own, waits for as many lines as `bytes` has, and returns the lines that were stored. */
async function tailed(files: readonly { readonly path: string; readonly bytes: Buffer }[]): Promise<string[][]> {
  const folder = temporaryFolder()
  const sources = files.map(({ path }, i) => {
    return `  f${i}: { type: file, paths: [${JSON.stringify(path.replaceAll(/[[\]{}()*?!+@]/g, '?'))}] }\n`
  })
  const out = JSON.stringify(join(folder, 'out', '{source}.log'))
  await daemon(
    'client',
    `sources:\n${sources.join('')}destinations: { out: { type: file, path: ${out}, line: raw } }\n`,
    folder,
  )
  const came: string[][] = []
  for (const [i, { path, bytes }] of files.entries()) {
    const output = join(folder, 'out', `f${i}.log`)
    const lines = () => (existsSync(output) ? messages(readFileSync(output)) : [])
    await until(`all lines of ${path}`, () => lines().length >= messages(bytes).length)
    came.push(lines())
  }
  return came
}

test("every line in copies of this machine's own logs is stored once, unchanged", async () => {
  const logs = temporaryFolder()
  // One more file, for machines that have no logs.
  const own = { name: 'own.log', bytes: Buffer.from('one\n\n two\t\n\xff\xfe\nthree\r\n', 'latin1') }
  const files = [...ownLogs(), own].map(({ name, bytes }) => {
    return { path: join(logs, name.replaceAll('/', '+')), bytes: ended(bytes) }
  })
  for (const { path, bytes } of files) writeFileSync(path, bytes)
  for (const [i, came] of (await tailed(files)).entries()) {
    expect(came, files[i].path).toEqual(messages(files[i].bytes))
  }
})

test("this machine's own logs are followed in place, and are not changed", async (context) => {
  // Only complete lines: the last one may be being written.
  const files = ownLogs().map(({ name, bytes }) => ({
    path: name,
    bytes: bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1),
  }))
  if (files.length === 0) return context.skip('no text under /var/log that this user may read')
  const before = files.map(({ path }) => statSync(path).ino)
  for (const [i, came] of (await tailed(files)).entries()) {
    const { path, bytes } = files[i]
    const expected = messages(bytes)
    expect(came.slice(0, expected.length), path).toEqual(expected)
    expect(readFileSync(path).subarray(0, bytes.length).equals(bytes)).toBe(true)
    expect(statSync(path).ino).toBe(before[i])
  }
})

/** The messages in a file: lines end in LF, with any CR before it; empty lines are skipped. */
const messages = (bytes: Buffer) =>
  bytes
    .toString('latin1')
    .split(/\r*\n/)
    .filter((line) => line !== '')
const ended = (bytes: Buffer) => (bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')]))
