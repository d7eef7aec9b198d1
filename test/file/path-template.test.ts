import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { compilePath, renderPath } from '../../collector/file/path-template.ts'
import type { TemplateField } from '../../collector/template.ts'
import { cutName, safeName, unlikeRotated } from '../../collector/file/safe-name.ts'

const template = compilePath('/logs/{host}/{program}.log')
const pathOf = (host: string, program: string) =>
  renderPath(template, (field) => (field === 'host' ? host : field === 'program' ? program : ''))

const NUL = '\0'

// The program that a sender names, and the resulting name of the file below /logs/web/.
const attempts: [said: string, named: string][] = [
  ['sshd', 'sshd.log'],
  ['postfix/smtpd', 'postfix_smtpd.log'],
  ['', 'unknown.log'],
  ['.', '_.log'],
  ['..', '__.log'],
  ['...', '___.log'],
  ['../x', '___x.log'],
  ['../../etc/passwd', '______etc_passwd.log'],
  ['/etc/passwd', '_etc_passwd.log'],
  ['//', '__.log'],
  ['/', '_.log'],
  ['/..', '___.log'],
  ['/../', '____.log'],
  ['./', '__.log'],
  ['.ssh', '_ssh.log'],
  ['.hidden', '_hidden.log'],
  ['..hidden', '__hidden.log'],
  ['a..b', 'a__b.log'],
  ['a...b', 'a___b.log'],
  ['a.b', 'a.b.log'],
  ['a.', 'a..log'],
  ['a..', 'a__.log'],
  ['..\\..\\x', '__\\__\\x.log'],
  ['%2e%2e%2f', '%2e%2e%2f.log'],
  [`a${NUL}b`, 'a_b.log'],
  [`a${NUL}`, 'a_.log'],
  [NUL, '_.log'],
  [`..${NUL}/`, '____.log'],
  ['a\nb', 'a_b.log'],
  ['a\rb', 'a_b.log'],
  ['a\tb', 'a_b.log'],
  ['a\u001b[31mb', 'a_[31mb.log'],
  ['a\u007fb', 'a_b.log'],
  ['a\u0085b', 'a_b.log'],
  ['a\u009bb', 'a_b.log'],
  ['gnp\u202egol.exe', 'gnp_gol.exe.log'],
  ['a\u200bb', 'a_b.log'],
  ['a\u2028b', 'a_b.log'],
  ['a\u2029b', 'a_b.log'],
  ['\ufeffa', '_a.log'],
  ['a\ufffdb', 'a_b.log'],
  ['\ud800', '_.log'],
  ['-rf', '_rf.log'],
  ['--checkpoint-action=exec=sh x', '__checkpoint-action=exec=sh x.log'],
  ['-', '_.log'],
  ['.-.', '___.log'],
  ['~', '~.log'],
  ['a b', 'a b.log'],
  ['*', '*.log'],
  ['$(id)', '$(id).log'],
  ['\uff0e\uff0e\uff0fetc', '\uff0e\uff0e\uff0fetc.log'],
  ['größe', 'größe.log'],
  ['日本', '日本.log'],
  ['😀', '😀.log'],
  ['{host}', '{host}.log'],
  ['CON', 'CON.log'],
]

describe('a sender cannot leave the folder of the template', () => {
  test.each(attempts)('program %j is written to %j', (said, named) => {
    expect(pathOf('web', said)).toBe(`/logs/web/${named}`)
  })

  test.each(attempts)('host %j is a folder below the fixed one', (said) => {
    const path = pathOf(said, 'sshd')
    expect(path.startsWith('/logs/')).toBe(true)
    expect(join(path)).toBe(path)
    expect(path.split('/')).toHaveLength(4)
  })

  test('for any host and program, the file is two levels below the fixed folder, with a valid name', () => {
    const hostile = fc.string({ unit: fc.constantFrom('/', '.', '..', '\0', '-', 'a', 'é', '\n', '\ud800', '🙂') })
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'binary' })), fc.oneof(hostile, fc.string()), (host, program) => {
        const path = pathOf(host, program)
        const names = path.split('/')
        expect(names.slice(0, 2)).toEqual(['', 'logs'])
        expect(names).toHaveLength(4)
        for (const name of names.slice(2)) {
          expect(name).not.toMatch(/^\.|^$|^-|\.\..*\.\.|[\0\n\ufffd]/u)
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
          expect(Buffer.from(name).toString()).toBe(name)
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('a name that is too long for the file system is cut between characters, and keeps the literal end of the template', () => {
  const path = pathOf('h'.repeat(1000), 'ü'.repeat(1000))
  const [, , host, file] = path.split('/')
  expect(host).toBe('h'.repeat(223))
  expect(file).toBe(`${'ü'.repeat(109)}.log`)
})

test('cutting a name never splits a character', () => {
  expect(cutName('a😀b', 4)).toBe('a')
  expect(cutName('a😀b', 5)).toBe('a😀')
  expect(cutName('abc', 3)).toBe('abc')
})

test('a path that is too long as a whole is replaced by the stand-in path', () => {
  const deep = compilePath(`/logs/${Array.from({ length: 30 }, () => '{message}').join('/')}`)
  const path = renderPath(deep, () => 'x'.repeat(300))
  expect(path).toBe(`/logs/${Array.from({ length: 30 }, () => 'unknown').join('/')}`)
})

test('no sender can cause a file name like that of a rotated file, which would be compressed or removed', () => {
  const bare = compilePath('/logs/{program}')
  const named = (program: string) => renderPath(bare, () => program)
  expect(named('cron.log-20261122')).toBe('/logs/cron.log_20261122')
  expect(named('cron-20261122.093015.zst')).toBe('/logs/cron_20261122.093015.zst')
  expect(named('cron-20261122.gz.new')).toBe('/logs/cron_20261122.gz.new')
  expect(named('cron-2026112')).toBe('/logs/cron-2026112')
  expect(unlikeRotated('app-20261122.log')).toBe('app-20261122.log')
})

test('a value of which every character is replaced still gives a name', () => {
  expect(safeName('///')).toBe('___')
  expect(safeName('\0')).toBe('_')
})

test('the fixed folder is everything up to the last slash before the first field', () => {
  expect(compilePath('/var/log/remote/{host}/{program}.log').folder).toBe('/var/log/remote')
  expect(compilePath('/var/log/remote-{host}.log').folder).toBe('/var/log')
  expect(compilePath('/{host}').folder).toBe('/')
  expect(compilePath('/var/log/messages').folder).toBe('/var/log')
  expect(compilePath('/var/log/messages').fields).toEqual([])
  expect(compilePath('/a//b///{host}.log').folder).toBe('/a/b')
})

test('a name keeps the literal text around its fields', () => {
  const values: Partial<Record<TemplateField, string>> = { date: '2026-11-23', host: 'web', 'sd.x@1.y': 'v' }
  const mixed = compilePath('/logs/{date}/all-{host}-{sd.x@1.y}.log')
  expect(renderPath(mixed, (field) => values[field] ?? '')).toBe('/logs/2026-11-23/all-web-v.log')
})

const faults = [
  '/logs/{hots}.log',
  '/logs/{}.log',
  '/logs/{host.log',
  '/logs/host}.log',
  '/logs/{host}/',
  '/logs/',
  '/logs/{host}/../x',
  '/logs/{host}/./x',
  '/logs/{sd.x}.log',
  `/logs/${'x'.repeat(300)}.log`,
  `/${'abcdefgh/'.repeat(500)}{host}`,
  '/logs/a\0b',
]

test.each(faults)('the template %j is refused', (text) => {
  expect(() => compilePath(text)).toThrow(expect.objectContaining({ code: 'CONFIG_TEMPLATE' }))
})
