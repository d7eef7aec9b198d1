// client → relay → server over loopback: 100,000 numbered lines in three files, each of which is rotated twice meanwhile.

import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { daemon, freePort, lineCount, run, temporaryFolder, until } from './program.ts'

const LINES = 100_000
const FILES = ['web.log', 'mail.log', 'cron.log']
const BATCH = 500

test('100,000 lines through client, relay and server with rotations: each is stored once, and `grep -c` counts like GNU grep', async () => {
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
  await writeRotating(logs, out)
  await until('all lines are in the file', () => lineCount(out) >= LINES)
  expect(await server.stop()).toBe(0)

  const numbers = [...readFileSync(out, 'latin1').matchAll(/ line=(\d+) /g)].map((match) => Number(match[1]))
  expect(numbers).toHaveLength(LINES)
  expect(new Set(numbers).size).toBe(LINES)

  const archive = join(folder, 'data-server', 'archive')
  const patterns = [
    ...['line=4', 'line=[0-9]{3} ', '99', 'web', 'user-7\\>', 'GET|POST', '^.* mail:', 'no such text'],
    ...['took 1[0-9]ms', '$'],
  ]
  for (const pattern of patterns) {
    const ours = await run(['grep', '-c', '--archive', archive, '-e', pattern])
    expect([pattern, ours.stdout.trim()]).toEqual([pattern, grepCount(pattern, out)])
  }
})

/**
 * Writes batches to the files in turn. Each file is rotated after a third and after two thirds of the lines, and its writer then
 * writes a few more batches to the old file, which it has open, while the new one grows.
 */
async function writeRotating(logs: string, out: string): Promise<void> {
  const turns = LINES / BATCH
  const rotations = [Math.floor(turns / 3), Math.floor((2 * turns) / 3)]
  const firstLines = new Map<string, number>()
  const late: string[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const path = join(logs, FILES[turn % FILES.length])
    const line = turn * BATCH
    const text = Array.from({ length: BATCH }, (_, i) => lineOf(line + i)).join('')
    // Every fourth batch after a rotation comes from a writer that has not noticed it.
    const behind = turn % 4 === 0 ? late.pop() : undefined
    appendFileSync(behind ?? path, text)
    if (behind === undefined && !firstLines.has(path)) firstLines.set(path, line)
    const rotation = rotations.findIndex((at) => turn >= at && turn < at + FILES.length)
    if (rotation < 0 || !firstLines.has(path)) continue
    // Nothing can find a file that leaves its name before it was ever seen, so wait until it is followed.
    await until(`${path} is followed`, () => has(out, firstLines.get(path)!))
    renameSync(path, `${path}.${rotation + 1}`)
    firstLines.delete(path)
    late.push(`${path}.${rotation + 1}`, `${path}.${rotation + 1}`)
  }
}

const lineOf = (n: number) => `${n % 3 === 0 ? 'GET' : 'POST'} line=${n} user-${n % 11} took ${n % 40}ms\n`
const has = (path: string, n: number) => existsSync(path) && readFileSync(path, 'latin1').includes(` line=${n} `)

/** The count of GNU grep on the match lines of the archive (`host program[pid]: message`, without the time). */
function grepCount(pattern: string, path: string): string {
  const text = readFileSync(path, 'latin1').replaceAll(/^\S+ /gm, '')
  try {
    return execFileSync('grep', ['-E', '-c', '-e', pattern], { input: text, encoding: 'utf8' }).trim()
  } catch (error) {
    return (error as { stdout: string }).stdout.trim()
  }
}
