// A machine without inotify watches: the real client runs in a user namespace whose limit is zero.

import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { asLines, numbered } from '../tail/tailing.ts'
import { daemon, lineCount, temporaryFolder, until } from './program.ts'

const limits = [
  { setting: 'max_inotify_watches', raise: 'fs.inotify.max_user_watches' },
  { setting: 'max_inotify_instances', raise: 'fs.inotify.max_user_instances' },
]

function within(setting: string): string[] {
  return ['unshare', '-Ur', 'sh', '-c', `echo 0 > /proc/sys/user/${setting} && exec "$@"`, 'sh']
}

for (const { setting, raise } of limits) {
  const [command, ...rest] = [...within(setting), 'true']
  const allowed = spawnSync(command, rest).status === 0
  const name = `without inotify (user.${setting} = 0) the client logs that once, names ${raise}, and stores every line once`
  test.skipIf(!allowed)(`${name}${allowed ? '' : ' (skipped: no user namespaces here)'}`, async () => {
    const folder = temporaryFolder()
    const logs = join(folder, 'logs')
    mkdirSync(logs)
    const file = (path: string) => join(logs, path)
    writeFileSync(file('a.log'), asLines(numbered('first', 100)))
    const out = join(folder, 'out')
    const configuration = `sources: { logs: { type: file, paths: [${JSON.stringify(`${logs}/**/*.log`)}] } }
destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw } }
`
    const client = await daemon('client', configuration, folder, { under: within(setting) })
    await until('what was there is read', () => lineCount(out) === 100)
    appendFileSync(file('a.log'), asLines(numbered('more', 100)))
    renameSync(file('a.log'), file('a.log.1'))
    writeFileSync(file('a.log'), asLines(numbered('rotated', 100)))
    mkdirSync(file('later'))
    writeFileSync(file('later/b.log'), asLines(numbered('later', 100)))
    await until('everything is read', () => lineCount(out) >= 400)
    expect(await client.stop()).toBe(0)
    const wanted = ['first', 'more', 'rotated', 'later'].flatMap((name) => numbered(name, 100))
    expect(readFileSync(out, 'utf8').split('\n').slice(0, -1).sort()).toEqual(wanted.sort())
    const { stderr } = client.output()
    const warnings = stderr.split('\n').filter((line) => line.includes('cannot watch folders'))
    expect(warnings.length).toBe(1)
    expect(warnings[0]).toContain(raise)
  })
}
