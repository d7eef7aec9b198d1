// client → relay → server over loopback: 100,000 numbered lines in three files, each rotated twice on the way.

import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { daemon, freePort, run, temporaryFolder, until } from './program.ts'

const LINES = 100_000
const FILES = ['web.log', 'mail.log', 'cron.log']

test('100,000 lines through client, relay and server, with rotations: every line once, and grep agrees', async () => {
  const folder = temporaryFolder()
  const logs = join(folder, 'logs')
  mkdirSync(logs)
  const [relayPort, serverPort] = [await freePort(), await freePort()]
  const out = join(folder, 'out.log')
  const server = await daemon(
    'server',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${serverPort}"] } }
destinations:
  out: { type: file, path: ${JSON.stringify(out)}, line: iso }
  archive: { type: archive }
routes: [{ to: [out, archive] }]
`,
    folder,
  )
  await daemon(
    'relay',
    `sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${relayPort}"] } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${serverPort}"] } }
routes: [{ to: [up] }]
`,
    folder,
  )
  await daemon(
    'client',
    `sources: { apps: { type: file, paths: [${JSON.stringify(join(logs, '*.log'))}], facility: local3, severity: info } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${relayPort}"] } }
routes: [{ to: [up] }]
`,
    folder,
  )
  await writeRotating(logs)

  const count = () => execFileSync('wc', ['-l', out], { encoding: 'utf8' })
  await until('all lines are in the file', () => Number.parseInt(count()) >= LINES, 60_000)
  await server.stop()

  const numbers = [...readFileSync(out, 'latin1').matchAll(/ line=(\d+) /g)].map((match) => Number(match[1]))
  expect(numbers).toHaveLength(LINES)
  expect(new Set(numbers).size).toBe(LINES)

  const archive = join(folder, 'data-server', 'archive')
  const patterns = [
    'line=4',
    'line=[0-9]{3} ',
    '99',
    'web',
    'user-7\\>',
    'GET|POST',
    '^.* mail:',
    'no such text',
    'took 1[0-9]ms',
    '$',
  ]
  for (const pattern of patterns) {
    const ours = await run(['grep', '-c', '--archive', archive, '-e', pattern])
    expect([pattern, ours.stdout.trim()]).toEqual([pattern, grepCount(pattern, out)])
  }
})

async function writeRotating(logs: string): Promise<void> {
  const batch = 500
  for (let line = 0, turn = 0; line < LINES; turn += 1) {
    const path = join(logs, FILES[turn % FILES.length])
    let text = ''
    for (let i = 0; i < batch && line < LINES; i += 1, line += 1) {
      text += `${line % 3 === 0 ? 'GET' : 'POST'} line=${line} user-${line % 11} took ${line % 40}ms\n`
    }
    appendFileSync(path, text)
    // Each file is rotated at a third and at two thirds of the way.
    for (const [at, to] of [
      [60, 1],
      [130, 2],
    ]) {
      if (turn >= at && turn < at + FILES.length) renameSync(path, `${path}.${to}`)
    }
    if (turn % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** What grep counts on the text that the archive matches: `host program[pid]: message`, without the time. */
function grepCount(pattern: string, path: string): string {
  const text = readFileSync(path, 'latin1').replaceAll(/^\S+ /gm, '')
  try {
    return execFileSync('grep', ['-E', '-c', '-e', pattern], { input: text, encoding: 'utf8' }).trim()
  } catch (error) {
    return (error as { stdout: string }).stdout.trim()
  }
}
