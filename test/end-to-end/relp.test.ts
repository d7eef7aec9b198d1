// RELP between real programs: from rsyslog to sluice, from sluice to rsyslog, and between two sluices, the receiver of which is killed.

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rsyslog, testWith } from './peers.ts'
import { daemon, freePort, run, temporaryFolder, until } from './program.ts'

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])
function inside(folder: string, name: string): string {
  mkdirSync(join(folder, name))
  return join(folder, name)
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i} of many`)

testWith(
  ['rsyslogd'],
  'every line that rsyslog sends over RELP is stored, across a restart of the server',
  async () => {
    const folder = temporaryFolder()
    const port = await freePort()
    const input = join(folder, 'in.log')
    const own = inside(folder, 'own')
    const out = join(folder, 'out.log')
    writeFileSync(input, '')
    const config = [
      `sources: { net: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }`,
      `destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: "{message}" } }\n`,
    ].join('\n')
    const first = await daemon('server', config, own)
    await rsyslog(
      folder,
      [
        'module(load="imfile" mode="polling" pollingInterval="1")\nmodule(load="omrelp")',
        `input(type="imfile" file="${input}" tag="app:")`,
        `action(type="omrelp" target="127.0.0.1" port="${port}" action.resumeInterval="1" action.resumeRetryCount="-1")\n`,
      ].join('\n'),
    )
    const lines = numbered(2000)
    appendFileSync(
      input,
      lines
        .slice(0, 1000)
        .map((line) => `${line}\n`)
        .join(''),
    )
    await until('the first thousand', () => linesOf(out).length >= 1000)
    await first.stop()
    appendFileSync(
      input,
      lines
        .slice(1000)
        .map((line) => `${line}\n`)
        .join(''),
    )
    await daemon('server', config, own)
    await until('all of them', () => new Set(linesOf(out)).size >= 2000)
    expect([...new Set(linesOf(out).map((line) => line.trim()))].sort()).toEqual([...lines].sort())
  },
)

testWith(['rsyslogd'], 'every line that sluice sends to rsyslog over RELP arrives, in order', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const input = join(folder, 'in.log')
  const own = inside(folder, 'own')
  const out = join(folder, 'out.log')
  const lines = numbered(5000)
  writeFileSync(input, lines.map((line) => `${line}\n`).join(''))
  await rsyslog(
    folder,
    [
      'module(load="imrelp")',
      `input(type="imrelp" address="127.0.0.1" port="${port}")`,
      'template(name="text" type="string" string="%msg%\\n")',
      `action(type="omfile" file="${out}" template="text")\n`,
    ].join('\n'),
  )
  const config = [
    `sources: { apps: { type: file, paths: [${JSON.stringify(input)}], program: app } }`,
    `destinations: { up: { type: forward, to: ["relp://127.0.0.1:${port}"] } }\n`,
  ].join('\n')
  await daemon('client', config, own)
  await until('all lines', () => linesOf(out).length >= 5000)
  expect(linesOf(out).map((line) => line.trim())).toEqual(lines)
})

test('a server that is killed again and again has each line once in its archive and in its file', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const input = join(folder, 'in.log')
  const out = join(folder, 'out.log')
  const serverFolder = inside(folder, 'server')
  writeFileSync(input, '')
  const server = [
    `sources: { net: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }`,
    `destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw }, archive: { type: archive } }\n`,
  ].join('\n')
  const client = [
    `sources: { apps: { type: file, paths: [${JSON.stringify(input)}], program: app } }`,
    `destinations: { up: { type: forward, to: ["relp://127.0.0.1:${port}"] } }\n`,
  ].join('\n')
  let running = await daemon('server', server, serverFolder)
  await daemon('client', client, inside(folder, 'client'))
  const sent: string[] = []
  for (let round = 0; round < 5; round += 1) {
    const lines = Array.from({ length: 4000 }, (_, i) => `round ${round} line ${i} ${'x'.repeat(i % 100)}`)
    for (let i = 0; i < lines.length; i += 500) {
      appendFileSync(
        input,
        lines
          .slice(i, i + 500)
          .map((line) => `${line}\n`)
          .join(''),
      )
    }
    sent.push(...lines)
    await until('some of the round', () => linesOf(out).length > round * 4000)
    await running.stop('SIGKILL')
    running = await daemon('server', server, serverFolder)
  }
  await until('all lines', () => linesOf(out).length >= sent.length)
  expect(linesOf(out)).toEqual(sent)
  const config = join(serverFolder, 'server.yaml')
  const found = await until('the archive has them', async () => {
    const { stdout } = await run(['grep', '--config', config, '-O', 'cat', '--no-pager', 'round'])
    return stdout.split('\n').length > sent.length && stdout
  })
  expect(found.split('\n').slice(0, -1).sort()).toEqual([...sent].sort())
})

test('two forwards that get different lines of the same file can lead to the same server', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  const input = join(folder, 'in.log')
  const out = join(folder, 'out.log')
  const lines = numbered(1000)
  writeFileSync(input, lines.map((line) => `${line}\n`).join(''))
  const server = [
    `sources: { net: { type: syslog, listen: ["relp://127.0.0.1:${port}"] } }`,
    `destinations: { out: { type: file, path: ${JSON.stringify(out)}, line: raw } }\n`,
  ].join('\n')
  const up = `{ type: forward, to: ["relp://127.0.0.1:${port}"] }`
  const client = [
    `sources: { apps: { type: file, paths: [${JSON.stringify(input)}], program: app } }`,
    `destinations: { odd: ${up}, even: ${up} }`,
    'routes: [{ where: "/[13579] of/", to: [odd], final: true }, { to: [even] }]\n',
  ].join('\n')
  await daemon('server', server, inside(folder, 'server'))
  await daemon('client', client, inside(folder, 'client'))
  await until('all lines', () => linesOf(out).length >= lines.length)
  expect(linesOf(out).sort()).toEqual([...lines].sort())
})
