// What `check` says of `tls:`, as the real types declare it, with the place of each fault.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadText, loadToRun } from '../../config/load.ts'
import { temporaryFolder } from '../end-to-end/program.ts'
import { pathOf } from './certificates.ts'

const listener = (options: string) =>
  `sources: { in: { type: syslog, ${options} } }\ndestinations: { out: { type: stdout } }\n`
const forward = (options: string) =>
  `sources: { in: { type: stdin } }\ndestinations: { up: { type: forward, ${options} } }\n`
const said = (text: string) => loadText('x', text).text
const optionOf = (text: string) => {
  const { configuration, text: faults } = loadText('x', text)
  expect(faults).toBe('')
  const [{ options }] = text.includes('syslog') ? configuration!.sources : configuration!.destinations
  return (options as { tls?: Record<string, unknown> }).tls
}

test('a listener checks clients where it has a ca, unless it is told otherwise', () => {
  const tls = (more: string) => listener(`listen: ["tls://[::]", "relps://[::]"], tls: { cert: a, key: b${more} }`)
  expect(optionOf(tls(''))).toEqual({ cert: 'a', key: 'b', verify: 'none' })
  expect(optionOf(tls(', ca: c'))).toEqual({ cert: 'a', key: 'b', ca: 'c', verify: 'required' })
  expect(optionOf(tls(', ca: c, verify: optional'))).toMatchObject({ verify: 'optional' })
  expect(optionOf(tls(', ca: c, verify: none'))).toMatchObject({ verify: 'none' })
})

test('a forward checks its receivers, unless it is told otherwise', () => {
  expect(optionOf(forward('to: ["tls://a"]'))).toBeUndefined()
  expect(optionOf(forward('to: ["relps://a"], tls: {}'))).toEqual({ verify: 'required' })
  expect(optionOf(forward('to: ["tls://a"], tls: { verify: none }'))).toEqual({ verify: 'none' })
})

test('a TLS listener without a certificate is a fault that says what to write', () => {
  expect(said(listener('listen: ["tcp://[::]", "tls://[::]"]'))).toBe(
    'x:1:55 CONFIG_WRONG_VALUE: listen: tls:// needs certificate and key; add tls: { cert: …, key: … }\n' +
      `sources: { in: { type: syslog, listen: ["tcp://[::]", "tls://[::]"] } }\n${' '.repeat(54)}^\n`,
  )
  expect(said(listener('listen: ["relps://[::]"]'))).toContain('listen: relps:// needs certificate and key')
  expect(said(listener('listen: ["tls://[::]"], tls: { cert: a }'))).toContain('CONFIG_MISSING_KEY: "tls" needs "key"')
  expect(said(listener('listen: ["tls://[::]"], tls: { key: a }'))).toContain('CONFIG_MISSING_KEY: "tls" needs "cert"')
})

test('a check of clients without a ca is a fault', () => {
  for (const verify of ['required', 'optional']) {
    const text = listener(`listen: ["tls://[::]"], tls: { cert: a, key: b, verify: ${verify} }`)
    expect(said(text)).toContain(`x:1:88 CONFIG_WRONG_VALUE: tls.verify: "verify: ${verify}" needs "ca"`)
  }
})

test('a forward’s certificate without a key is a fault, and a key without a certificate', () => {
  expect(said(forward('to: ["tls://a"], tls: { cert: a }'))).toContain('tls.cert: "cert" needs "key" beside it')
  expect(said(forward('to: ["tls://a"], tls: { key: a }'))).toContain('tls.key: "key" needs "cert" beside it')
})

test('tls where nothing speaks it is a fault', () => {
  expect(said(listener('listen: ["tcp://[::]"], tls: { cert: a, key: b }'))).toContain(
    'tls: no address of "listen" begins with tls:// or relps://',
  )
  expect(said(forward('to: ["relp://a"], tls: { ca: a }'))).toContain('tls: no address of "to" begins with tls://')
})

test('receivers with and without TLS together are a fault', () => {
  expect(said(forward('to: ["tls://a", "tcp://b"]'))).toContain(
    'all receivers of a destination must have the same scheme',
  )
  expect(said(forward('to: ["relps://a", "relp://b"]'))).toContain(
    'all receivers of a destination must have the same scheme',
  )
})

test.each([
  ['verify: always', 'tls.verify: "always" is not one of required, optional or none'],
  ['verfy: none', '"tls" has no "verfy"; did you mean "verify"?'],
  ['cert: 1', 'tls.cert: 1 is a number; quotes make it text'],
])('%s', (option, sentence) => {
  expect(said(forward(`to: ["tls://a"], tls: { ${option} }`))).toContain(sentence)
})

test('what is wrong with the files is said at their places, all of it', async () => {
  const path = join(temporaryFolder(), 'sluice.yaml')
  const text = (cert: string, key: string, clientKey: string) =>
    [
      'sources:',
      `  in: { type: syslog, listen: ["tls://127.0.0.1:0"], tls: { cert: ${cert}, key: ${key} } }`,
      'destinations:',
      '  up:',
      '    type: forward',
      '    to: ["relps://a"]',
      '    tls:',
      `      cert: ${pathOf('client.crt')}`,
      `      key: ${clientKey}\n`,
    ].join('\n')
  writeFileSync(path, text('/nowhere/a.crt', '/nowhere/a.key', pathOf('server.key')))
  const { configuration, text: shown, unreadable } = await loadToRun(path)
  expect([configuration, unreadable]).toEqual([undefined, false])
  expect(shown.split('\n').filter((line) => line.includes('CONFIG'))).toEqual([
    `${path}:2:67 CONFIG_WRONG_VALUE: tls.cert: /nowhere/a.crt cannot be read: there is no such file`,
    `${path}:2:88 CONFIG_WRONG_VALUE: tls.key: /nowhere/a.key cannot be read: there is no such file`,
    `${path}:9:12 CONFIG_WRONG_VALUE: tls.key: ${pathOf('server.key')} is not the key of ${pathOf('client.crt')}`,
  ])
  writeFileSync(path, text(pathOf('server.crt'), pathOf('server.key'), pathOf('client.key')))
  expect((await loadToRun(path)).text).toBe('')
})

test('what is wrong with the files is said beside what is wrong with the text', async () => {
  const path = join(temporaryFolder(), 'sluice.yaml')
  const text = listener('listen: ["tls://[::]"], tls: { cert: /nowhere/a.crt, key: /nowhere/a.key }')
  writeFileSync(path, `${text}routes: [{ too: [out] }]\n`)
  const { text: shown } = await loadToRun(path)
  expect(shown.split('\n').flatMap((line) => /:\d+:\d+ [A-Z_]+: \S+/.exec(line) ?? [])).toEqual([
    ':1:69 CONFIG_WRONG_VALUE: tls.cert:',
    ':1:90 CONFIG_WRONG_VALUE: tls.key:',
    ':3:10 CONFIG_MISSING_KEY: routes',
    ':3:12 CONFIG_UNKNOWN_KEY: routes',
  ])
})

test('a file that is missing is said also where the key, or an option beside "tls", has a fault', async () => {
  const path = join(temporaryFolder(), 'sluice.yaml')
  const text = `sources: { in: { type: syslog, listen: ["tls:/h"], tls: { cert: /nowhere/a.crt } } }
destinations: { up: { type: forward, to: ["tls://a"], tls: { cert: /nowhere/b.crt } } }
`
  writeFileSync(path, text)
  const { faults } = await loadToRun(path)
  expect(faults.map(({ sentence }) => sentence.replace(/[;(].*/, ''))).toEqual([
    'listen: "tls:/h" is not an address',
    '"tls" needs "key" ',
    'tls.cert: /nowhere/a.crt cannot be read: there is no such file',
    'tls.cert: "cert" needs "key" beside it',
    'tls.cert: /nowhere/b.crt cannot be read: there is no such file',
  ])
})

test('a fault of one TLS setting does not hide what is wrong with the files', async () => {
  const path = join(temporaryFolder(), 'sluice.yaml')
  writeFileSync(
    path,
    listener('listen: ["tls://[::]"], tls: { verify: maybe, cert: /nowhere/a.crt, key: /nowhere/a.key, x: 1 }'),
  )
  const { faults } = await loadToRun(path)
  expect(faults.map(({ sentence }) => sentence.replace(/[: ].*/, ''))).toEqual([
    'tls.verify',
    'tls.cert',
    'tls.key',
    '"tls"',
  ])
})
