// The real logrotate with its common settings, on followed files. CI installs it; elsewhere these tests are skipped without it.

import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { asLines, numbered, Tailing } from './tailing.ts'

const PROGRAM = '/usr/sbin/logrotate'
const isMissing = !existsSync(PROGRAM) && process.env['SLUICE_REQUIRE_PEERS'] !== '1'

const ways = [
  ['create', 'create'],
  ['copytruncate', 'copytruncate'],
  ['create and compress', 'create\n  compress'],
  ['copytruncate and compress', 'copytruncate\n  compress'],
  ['create, compress and delaycompress', 'create\n  compress\n  delaycompress'],
  ['create and dateext', 'create\n  dateext\n  dateformat -%Y%m%d-%s'],
] as const

/** A function that runs logrotate with one rule for one file. */
function rotation(file: string, rule: string, atEnd: (work: () => void) => void): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-logrotate-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const rules = join(folder, 'rules')
  const { username } = userInfo()
  const owner =
    username === 'root' ? '' : `  su ${username} ${execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()}\n`
  writeFileSync(rules, `${file} {\n  rotate 9\n${owner}  ${rule}\n}\n`, { mode: 0o644 })
  return () => void execFileSync(PROGRAM, ['-f', '-s', join(folder, 'state'), rules])
}

describe.concurrent('logrotate', { skip: isMissing }, () => {
  for (const [name, rule] of ways) {
    test(`${name}, while the file is followed`, async (context) => {
      const tailing = new Tailing(context, 'app.log')
      const rotate = rotation(tailing.path('app.log'), rule, context.onTestFinished)
      await tailing.start()
      const all: string[] = []
      // With `dateext`, two rotations within a second would want the same name.
      for (let turn = 0; turn < (rule.includes('dateext') ? 1 : 3); turn += 1) {
        const lines = numbered(`turn ${turn}`, 50)
        appendFileSync(tailing.path('app.log'), asLines(lines))
        all.push(...lines)
        await tailing.expectStored(all)
        rotate()
      }
      appendFileSync(tailing.path('app.log'), 'the end\n')
      await tailing.expectStored([...all, 'the end'])
    })

    test(`${name}, while sluice is stopped`, async (context) => {
      const tailing = new Tailing(context, 'app.log')
      const rotate = rotation(tailing.path('app.log'), rule, context.onTestFinished)
      const first = numbered('first', 50)
      appendFileSync(tailing.path('app.log'), asLines(first))
      await tailing.start()
      await tailing.expectStored(first)
      await tailing.stop()
      const unread = numbered('unread', 50)
      appendFileSync(tailing.path('app.log'), asLines(unread))
      rotate()
      appendFileSync(tailing.path('app.log'), 'the end\n')
      await tailing.start()
      await tailing.expectStored([...first, ...unread, 'the end'])
    })
  }
})
