// Valid configurations: where they are found, and how their values are resolved.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { summaryOf } from '../../config/command/check.ts'
import { modes } from '../../config/configuration.ts'
import { defaultDataFolder } from '../../config/data-folder.ts'
import { builtInText, loadConfiguration, loadText, withoutIpv6 } from '../../config/load.ts'
import { testTypes } from './types.ts'

let folder: string

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))))
afterEach(() => rmSync(folder, { recursive: true }))

function read(text: string) {
  const loaded = loadText('sluice.yaml', text, undefined, testTypes)
  expect(loaded.text).toBe('')
  return loaded.configuration!
}

const example = String.raw`
mode: server                       # client | relay | server: only the defaults differ
data: /var/lib/sluice
sources:
  apps:    { type: file, paths: ["/var/log/app/*.log"], exclude: ["*.gz"], program: app, facility: local0, severity: info,
             read_from: start }
  network: { type: syslog, listen: ["udp://0.0.0.0:514", "tcp://0.0.0.0"],
             zone: Europe/Paris, keep_host: true, max_connections: 10000, allow: ["10.0.0.0/8"] }
filters:
  urgent:  "severity:>=err"
destinations:
  legacy:  { type: forward, to: ["tcp://old:514"], format: rfc3164, framing: newline }
  files:   { type: file, path: "/var/log/remote/{host}/{program}.log", line: iso, mode: "0640",
             rotate: { daily: true, size: 1GiB, keep: 30d, compress: zstd } }
  archive: { type: archive, keep: 90d, max_size: 50GiB }
routes:
  - { from: [network], where: "auth,authpriv.*;*.warning", to: [archive, files] }
  - { from: [apps], where: "filter:urgent -program:cron", to: [legacy], final: true, mask: [/password=\S+/] }
`

test('the example of the manual is valid, and its values are converted to the right units', () => {
  const configuration = read(example)
  const { sources, destinations, routes } = configuration
  expect(configuration).toMatchObject({ mode: 'server', dataFolder: '/var/lib/sluice' })
  expect(configuration).toMatchObject({ messageBytesMax: 1024 * 1024, drainMs: 10_000 })
  expect(sources.map(({ name, type }) => [name, type.type])).toEqual([
    ['apps', 'file'],
    ['network', 'syslog'],
  ])
  expect(sources[0].options).toEqual({
    ...{ paths: ['/var/log/app/*.log'], exclude: ['*.gz'], program: 'app' },
    ...{ facility: 16, severity: 6, read_from: 'start' },
  })
  expect(sources[1].options).toMatchObject({
    listen: [
      { scheme: 'udp', host: '0.0.0.0', port: 514 },
      { scheme: 'tcp', host: '0.0.0.0', port: 514 },
    ],
    zone: { name: 'Europe/Paris' },
  })
  expect(destinations[1].options).toEqual({
    ...{ path: '/var/log/remote/{host}/{program}.log', line: 'iso', mode: 0o640 },
    rotate: { daily: true, size: 1024 ** 3, keep: 30 * 86_400_000, compress: 'zstd' },
  })
  expect(routes[0]).toMatchObject({ from: ['network'], to: ['archive', 'files'], final: false, mask: [] })
  expect(routes[0].where?.kind).toBe('selector')
  expect(routes[1]).toMatchObject({ from: ['apps'], to: ['legacy'], final: true })
  expect(routes[1].mask).toHaveLength(1)
  expect(JSON.stringify(routes[1].where)).toContain('"target"')
})

test('a configuration can be written in JSON', () => {
  const { sources } = read(
    '{"sources":{"in":{"type":"stdin"}},"destinations":{"out":{"type":"stdout"}},"routes":[{"to":["out"]}]}',
  )
  expect(sources).toHaveLength(1)
})

const least = 'sources: { in: { type: stdin } }\ndestinations: { a: { type: stdout }, b: { type: stdout } }\n'

test('without routes, all messages go to all destinations', () => {
  expect(read(least).routes).toEqual([{ to: ['a', 'b'], final: false, mask: [] }])
})

test('a destination that a route names twice is written to once', () => {
  expect(read(`${least}routes: [{ to: [a, b, a] }]`).routes[0].to).toEqual(['a', 'b'])
})

test('the mode is the one that was started, else the one in the file, else server', () => {
  expect(read(least).mode).toBe('server')
  expect(read(`${least}mode: relay\n`).mode).toBe('relay')
  expect(loadText('x', least, 'client', testTypes).configuration?.mode).toBe('client')
})

test('the default data folder is /var/lib/sluice for root, and ./sluice-data for other users', () => {
  const wanted = process.getuid?.() === 0 ? '/var/lib/sluice' : resolve('sluice-data')
  expect(defaultDataFolder()).toBe(wanted)
  expect(read(least).dataFolder).toBe(wanted)
  expect(read(`${least}data: some/where\n`).dataFolder).toBe(resolve('some/where'))
})

test('a file may have a byte order mark, and its path is kept as it was given', async () => {
  const path = join(folder, 'with-mark.yaml')
  writeFileSync(path, `\ufeff${least}`)
  const { configuration, builtIn } = await loadConfiguration(path, 'server', testTypes)
  expect(configuration?.path).toBe(path)
  expect(builtIn).toBe(false)
})

test('faults have the path of the file as it was given', async () => {
  const path = join(folder, 'broken.yaml')
  writeFileSync(path, `${least}drian: 5s\n`)
  const { text, faults, unreadable } = await loadConfiguration(path, 'server', testTypes)
  expect(text.startsWith(`${path}:3:1 CONFIG_UNKNOWN_KEY: `)).toBe(true)
  expect(faults.map(({ code }) => code)).toEqual(['CONFIG_UNKNOWN_KEY'])
  expect(unreadable).toBe(false)
})

test.each([
  ['missing.yaml', 'there is no such file'],
  ['', 'this is a folder, not a file'],
  ['utf16.yaml', 'this is UTF-16 text, or no text; `iconv -f utf-16 -t utf-8` makes UTF-8 of it'],
  ['utf16le.yaml', 'this is UTF-16 text, or no text; `iconv -f utf-16 -t utf-8` makes UTF-8 of it'],
])('a file that cannot be read: %j', async (name, why) => {
  writeFileSync(join(folder, 'utf16.yaml'), Buffer.from(`\ufeff${least}`, 'utf16le').swap16())
  writeFileSync(join(folder, 'utf16le.yaml'), Buffer.from(least, 'utf16le'))
  const path = join(folder, name)
  const { text, unreadable, configuration } = await loadConfiguration(path, 'server', testTypes)
  expect(text).toBe(`${path} CONFIG_UNREADABLE: ${why}\n`)
  expect(unreadable).toBe(true)
  expect(configuration).toBeUndefined()
})

test.each(['', '\ufeff'])(
  'a byte that is not UTF-8 is reported with its position, also after the byte order mark %j',
  async (mark) => {
    const path = join(folder, 'latin1.yaml')
    writeFileSync(path, Buffer.concat([Buffer.from(`${mark}# \ufffd is text\nmode: `), Buffer.of(0xe9, 0x0a)]))
    const { text, unreadable, configuration } = await loadConfiguration(path, 'server', testTypes)
    const sentence = 'the byte 0xE9 is not UTF-8 text; `iconv -f latin1 -t utf-8` makes UTF-8 of Latin-1'
    expect(text.split('\n')[0]).toBe(`${path}:2:7 CONFIG_UNREADABLE: ${sentence}`)
    expect(text.split('\n')[2]).toBe('      ^')
    expect(unreadable).toBe(true)
    expect(configuration).toBeUndefined()
  },
)

test.each(modes)('the built-in configuration of %s has no faults', async (mode) => {
  const { text, configuration } = loadText(mode, await builtInText(mode), mode, testTypes)
  expect(text).toBe('')
  expect(configuration?.mode).toBe(mode)
  expect(configuration?.routes.length).toBeGreaterThan(0)
})

test.each(modes)(
  'on a machine without IPv6, the built-in configuration of %s does not listen on IPv6 addresses',
  async (mode) => {
    const text = withoutIpv6(await builtInText(mode))
    const { configuration } = loadText(mode, text, mode, testTypes)
    const hosts = configuration!.sources.flatMap(
      ({ options }) => (options as { listen?: { host: string }[] }).listen ?? [],
    )
    expect(hosts.map(({ host }) => host).filter((host) => host !== '127.0.0.1')).toEqual([])
    expect(hosts).toHaveLength(mode === 'client' ? 0 : 2)
  },
)

test('IPv6 addresses in single and in double quotes are removed', () => {
  const text = `listen: ["udp://127.0.0.1:5514", "udp://[::1]:5514", 'tcp://[::1]:5514']`
  expect(withoutIpv6(text)).toBe('listen: ["udp://127.0.0.1:5514"]')
})

test('the summary lists what would run, and components without a route', () => {
  const text = `${least}routes:\n  - { from: [in], where: "severity:>=err", to: [a], final: true }\n`
  expect(summaryOf({ ...read(text), path: 'sluice.yaml', dataFolder: '/d' })).toBe(
    [
      'sluice.yaml: no fault. This would run:',
      '  mode         server',
      '  data         /d',
      '  source       in (stdin)',
      '  destination  a (stdout)',
      '  destination  b (stdout)',
      '  route 1      in where severity:>=err → a (final)',
      '  note         no route leads to b',
      '',
    ].join('\n'),
  )
})

test('the summary shows no condition where an empty one selects everything', () => {
  expect(summaryOf(read(`${least}routes:\n  - { where: "", to: [a] }\n`))).toContain('  route 1      everything → a\n')
})

test('buffer: every destination can have one; forwards of a relay have one of 1 GiB that blocks by default', () => {
  const bufferOf = (mode: string, options: string) => {
    const text = `mode: ${mode}\nsources: { in: { type: stdin } }\ndestinations: { out: { ${options} } }\n`
    return read(text).destinations[0]
  }
  const usual = { bytesMax: 2 ** 30, whenFull: 'block', durability: 'fsync', freeBytesMin: 16 * 2 ** 20 }
  const forward = 'type: forward, to: ["tcp://a"]'
  expect(bufferOf('relay', forward).buffer).toEqual(usual)
  expect(bufferOf('relay', `${forward}, buffer: none`).buffer).toBeUndefined()
  expect(bufferOf('relay', 'type: stdout').buffer).toBeUndefined()
  expect(bufferOf('client', forward).buffer).toBeUndefined()
  expect(bufferOf('server', forward).buffer).toBeUndefined()
  expect(bufferOf('server', `${forward}, buffer: {}`).buffer).toEqual(usual)
  const written = 'buffer: { max: 2MiB, when_full: drop-oldest, durability: os, keep_free: 0B }'
  const out = bufferOf('server', `type: stdout, ${written}`)
  expect(out.buffer).toEqual({ bytesMax: 2 ** 21, whenFull: 'drop-oldest', durability: 'os', freeBytesMin: 0 })
  expect(out.options).not.toHaveProperty('buffer')
})
