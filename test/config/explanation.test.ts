// The explanations of `sluice explain`.

import { expect, test } from 'vitest'
import { inWords } from '../../config/command/explain.ts'
import { Explainer, likelySource } from '../../config/explanation.ts'
import { loadText } from '../../config/load.ts'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { fileType } from '../../collector/file/file-type.ts'
import { unixSource } from '../../shipper/source/unix.ts'
import { testTypes } from './types.ts'

const types = {
  sources: [...testTypes.sources, unixSource],
  destinations: [fileType, ...testTypes.destinations.filter(({ type }) => type !== 'file')],
}

const text = `
sources:
  network: { type: syslog, listen: ["udp://127.0.0.1:0"], zone: UTC }
  local: { type: unix, path: /run/log }
  apps: { type: file, paths: [/x], program: app, facility: local0, severity: info }
filters: { urgent: "severity:>=err" }
destinations:
  files: { type: file, path: "/var/log/remote/{host}/{program}-{severity}.log" }
  archive: { type: archive }
routes:
  - { from: [network], where: "filter:urgent", to: [files], final: true }
  - { where: "program:app", to: [archive] }
  - { to: [archive, files] }
`
const { configuration } = loadText('x', text, undefined, types)
if (!configuration) throw new Error('the configuration of this test is faulty')

// 2026-11-20T10:00:00Z
const received = Date.UTC(2026, 10, 20, 10) * 1000

function explain(line: string, source?: string) {
  const from = configuration!.sources.find(({ name }) => name === source) ?? likelySource(configuration!)
  return new Explainer(configuration!, from, 'here', source === undefined ? '192.0.2.7' : undefined).explain(
    Buffer.from(line),
    received,
  )
}

test('an urgent line takes the final route, and no later one', () => {
  const { message, source, routes, destinations } = explain('<34>Oct 11 22:14:15 web-1 su[7]: failed')
  expect(message).toMatchObject({ host: 'web-1', program: 'su', pid: '7', message: 'failed', severity: 'crit' })
  expect(source).toBe('network')
  expect(routes).toEqual([1])
  expect(destinations).toEqual([{ name: 'files', type: 'file', path: '/var/log/remote/web-1/su-crit.log' }])
})

test('the path of a line is the stand-in path if its own path belongs to another destination', () => {
  const { configuration } = loadText(
    'x',
    `
sources: { network: { type: syslog, listen: ["udp://127.0.0.1:0"], zone: UTC } }
destinations:
  hosts: { type: file, path: "/explained/{host}.log" }
  all: { type: file, path: /explained/all.log }
`,
    undefined,
    types,
  )
  const explainer = new Explainer(configuration!, configuration!.sources[0], 'here', '192.0.2.7')
  const landing = (line: string) => explainer.explain(Buffer.from(line), received).destinations.map(({ path }) => path)
  expect(landing('<14>Oct 11 22:14:15 web app: x')).toEqual(['/explained/web.log', '/explained/all.log'])
  expect(landing('<14>Oct 11 22:14:15 all app: x')).toEqual(['/explained/unknown.log', '/explained/all.log'])
})

test('a line of a sender that the source does not allow lands in nothing', () => {
  const { configuration } = loadText(
    'x',
    `
sources: { network: { type: syslog, listen: ["udp://127.0.0.1:0"], allow: [10.0.0.0/8] } }
destinations: { archive: { type: archive } }
`,
    undefined,
    { ...types, sources: [syslogSource] },
  )
  const explained = (from?: string) =>
    new Explainer(configuration!, configuration!.sources[0], 'here', from).explain(Buffer.from('<34>x'), received)
  expect(explained('192.0.2.7')).toMatchObject({ source: 'network', refused: true, routes: [], destinations: [] })
  expect(inWords(explained('192.0.2.7'), ['one'])).toMatch(
    /^lands in {2}nothing: allow of "network" does not list the sender\n\n$/m,
  )
  for (const from of ['10.1.2.3', undefined]) {
    expect(explained(from)).toMatchObject({ routes: [1], destinations: [{ name: 'archive' }] })
    expect(explained(from)).not.toHaveProperty('refused')
  }
})

test('a destination that several routes lead to is listed once', () => {
  const { routes, destinations } = explain('<14>Oct 11 22:14:15 web-1 app: fine')
  expect(routes).toEqual([2, 3])
  expect(destinations.map(({ name }) => name)).toEqual(['files', 'archive'])
})

test('a line of a file source gets the defaults of that source', () => {
  const { message, routes } = explain('all is well', 'apps')
  expect(message).toMatchObject({ facility: 'local0', severity: 'info', program: 'app', host: 'here', format: 'raw' })
  expect(routes).toEqual([2, 3])
})

test.each([
  ['/var/log/nginx.log', 'nginx'],
  ['/srv/*/app.log, /var/log/app.log.*', 'app'],
  ['/var/log/*.log', undefined],
  ['/var/log/app-[12].log', undefined],
  ['/var/log/a.log, /var/log/b.log', undefined],
])('a line of a file source without a program, which follows %s, has the name of the file', (paths, program) => {
  const { configuration } = loadText(
    'x',
    `
sources: { logs: { type: file, paths: [${paths.replaceAll(/[^ ,]+/g, "'$&'")}] } }
destinations: { out: { type: stdout } }
`,
  )
  const [source] = configuration!.sources
  const { message } = new Explainer(configuration!, source, 'here', undefined).explain(Buffer.from('x'), received)
  expect(message.program).toBe(program)
})

test('a line of a unix source is a message of a program of this machine, whatever host it names', () => {
  const { message, destinations } = explain('<13>Nov 20 10:00:00 web kernel: hello', 'local')
  expect(message).toMatchObject({ host: 'here', message: 'web kernel: hello' })
  expect(destinations[0]).toMatchObject({ path: '/var/log/remote/here/unknown-notice.log' })
  expect(explain('Nov 20 10:00:00 cron[7]: hello', 'local').message).toMatchObject({ program: 'cron', pid: '7' })
})

test('a sender cannot leave the folder: the path is shown as the daemon would use it', () => {
  const { destinations } = explain('<14>1 2026-11-20T10:00:00Z .. ../../etc/passwd - - - x')
  expect(destinations[0].path).toMatch(/^\/var\/log\/remote\/[^/]+\/[^/]+\.log$/)
})

test('what a mask hides is not in the path either', () => {
  const { configuration } = loadText(
    'x',
    `
sources: { network: { type: syslog, listen: ["udp://127.0.0.1:0"], zone: UTC } }
destinations: { users: { type: file, path: "/users/{sd.a.user}" } }
routes: [{ where: "program:login", to: [users], mask: ["/secret/"] }, { to: [users] }]
`,
    undefined,
    types,
  )
  const explainer = new Explainer(configuration!, configuration!.sources[0], 'here', undefined)
  const line = (program: string) => Buffer.from(`<14>1 - web ${program} - - [a user="secret-ann"] x`)
  const landing = (program: string) => explainer.explain(line(program), received).destinations
  expect(landing('login')).toMatchObject([{ path: '/users/******-ann' }])
  expect(landing('other')).toMatchObject([{ path: '/users/secret-ann' }])
})

test('the text output has fields, defects, routes and files, and no control characters', () => {
  const words = inWords(explain('no pri\x1b[2J'), ['one', 'two', 'everything → archive'])
  expect(words).toContain('message   no pri#033[2J\n')
  expect(words).toContain('defect    PRI_MISSING\n')
  expect(words).toContain('route 3   everything → archive\n')
  expect(words).toContain('lands in  archive (archive)\n')
})
