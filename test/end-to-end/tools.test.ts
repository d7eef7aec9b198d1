// Sending with the tools of administrators: loggen (of syslog-ng) and logger (of util-linux).

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { peerProgram, testWith } from './peers.ts'
import { daemon, freePort, lineCount, temporaryFolder, until } from './program.ts'

/** A server on UDP and TCP that writes lines of JSON; returns its port, its file, and the messages in it. */
async function server() {
  const folder = temporaryFolder()
  const port = await freePort()
  const out = join(folder, 'out.json')
  await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["udp://127.0.0.1:${port}", "tcp://127.0.0.1:${port}"] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: json } }
`,
    folder,
  )
  const text = () => (existsSync(out) ? readFileSync(out, 'utf8') : '')
  const messages = () =>
    text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, string>)
  return { port, messages, out }
}

testWith(['loggen'], 'loggen over 500 connections at once: every message arrives once', async () => {
  const { port, messages, out } = await server()
  // Each connection sends `each` numbered messages.
  const [connections, each] = [500, 40]
  const words = ['-i', '-S', `--active-connections=${connections}`, `--number=${each}`, '--rate=1000', '-I', '30']
  const child = spawn(peerProgram('loggen')!, [...words, '127.0.0.1', String(port)], { stdio: 'ignore' })
  const status = await new Promise((resolve) => child.once('close', resolve))
  expect(status).toBe(0)
  await until('everything is written', () => lineCount(out) >= connections * each, 60_000)
  const seen = new Set(messages().map(({ message }) => /seq: \d+, thread: \d+/.exec(message)?.[0]))
  expect(lineCount(out)).toBe(connections * each)
  expect(seen.size).toBe(connections * each)
})

const ways = ['--udp', '--tcp'] as const
const formats = [['--rfc3164'], ['--rfc5424'], ['--rfc5424', '--octet-count']]

for (const way of ways) {
  for (const format of formats) {
    const flags = [way, ...format]
    // Octet counting is for streams, although logger offers it over UDP too.
    if (way === '--udp' && format.length > 1) continue
    testWith(['logger'], `logger ${flags.join(' ')} arrives with its fields`, async () => {
      const { port, messages } = await server()
      const structured = format[0] === '--rfc5424'
      const data = ['--sd-id', 'zoo@123', '--sd-param', 'tiger="hungry"', '--sd-param', 'zebra="run \\"fast\\""']
      const words = [
        ...['-n', '127.0.0.1', '-P', String(port), ...flags, '-p', 'local3.err', '-t', 'testing', '--id=4711'],
        ...(structured ? [...data, '--msgid', 'ID47'] : []),
        'hello ünïcödé [x] "y"',
      ]
      const before = Date.now()
      execFileSync(peerProgram('logger')!, words, { env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' } })
      const [got] = await until('the message is written', () => messages().length > 0 && messages())
      expect(got).toMatchObject({
        ...{ facility: 'local3', severity: 'err', program: 'testing', pid: '4711', source: 'in', from: '127.0.0.1' },
        ...{ message: 'hello ünïcödé [x] "y"', format: structured ? 'rfc5424' : 'rfc3164' },
        ...(structured && { msgid: 'ID47' }),
      })
      expect((got as { defects?: string[] }).defects ?? []).toEqual([])
      if (structured) {
        expect((got as { sd?: unknown }).sd).toMatchObject({ 'zoo@123': { tiger: 'hungry', zebra: 'run "fast"' } })
      }
      const seconds = Math.floor(before / 1000) * 1000
      expect(Date.parse(got['time'])).toBeGreaterThanOrEqual(seconds)
      expect(Date.parse(got['time'])).toBeLessThanOrEqual(Date.now())
    })
  }
}

testWith(['logger'], 'logger with a file as its input sends each line as a message', async () => {
  const { port, messages } = await server()
  const input = Array.from({ length: 1000 }, (_, i) => `line ${i} of the file\n`).join('')
  const words = ['-n', '127.0.0.1', '-P', String(port), '--tcp', '-t', 'file']
  execFileSync(peerProgram('logger')!, words, { input })
  await until('all lines are written', () => messages().length >= 1000)
  expect(
    messages()
      .map(({ message }) => `${message}\n`)
      .join(''),
  ).toBe(input)
})
