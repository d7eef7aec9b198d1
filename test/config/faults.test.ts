// Faulty configurations and the exact output for them: every word, and the caret below the place.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonSchemaOf } from '../../common/option.ts'
import { CONFIG_DEPTH_MAX } from '../../common/limits.ts'
import { loadText } from '../../config/load.ts'
import { knownTypes } from '../../config/types.ts'
import { testTypes } from './types.ts'

const head = 'sources: { in: { type: stdin } }\ndestinations: { out: { type: stdout } }\n'

// Format of `broken.txt`: `=== name`, the configuration (HEAD stands for the two lines above), `=>`, and the exact output.
const broken = readFileSync(new URL('./broken.txt', import.meta.url), 'utf8')
const cases = broken
  .split(/^=== /m)
  .slice(1)
  .map((part) => {
    const [, name, text, shown] = /^(.*)\n([^]*?)^=>\n([^]*)$/m.exec(part)!
    return { name, text: text.replace('HEAD\n', head), shown }
  })

test.each(cases)('$name', ({ name, text, shown }) => {
  const written = name.startsWith('CRLF') ? text.replaceAll('\n', '\r\n') : text
  const said = loadText('sluice.yaml', written, undefined, testTypes).text
  expect(said.replaceAll(/^sluice\.yaml:/gm, '')).toBe(shown)
})

test('no value of any option, of whatever type, makes the validation throw', () => {
  const junk = [null, [], [[]], [null], {}, '', 'x', 5, -1, true, ['udp://h', 'udp://i'], ['relp://h'], { start: '(' }]
  const whole = { sources: { s: { type: 'stdin' } }, destinations: { d: { type: 'stdout' } } }
  const { sources, destinations } = knownTypes
  for (const [group, types] of Object.entries({ sources, destinations })) {
    for (const { type, options } of types) {
      for (const key of Object.keys(jsonSchemaOf(options)['properties'] ?? {})) {
        for (const value of junk) loadText('x', JSON.stringify({ ...whole, [group]: { it: { type, [key]: value } } }))
      }
    }
  }
})

test('excessive nesting is reported as a fault, and never throws', () => {
  for (const text of ['['.repeat(20_000), '- '.repeat(20_000), `a: ${'{ b: '.repeat(20_000)}`]) {
    const [{ code, sentence }] = loadText('x', text).faults
    expect([code, sentence]).toEqual(['CONFIG_SYNTAX', 'lists and groups are nested too deeply here'])
  }
  for (const open of ['[', '{ a: ', '- ']) {
    expect(loadText('x', open.repeat(CONFIG_DEPTH_MAX + 1)).faults).toMatchObject([
      { sentence: 'lists and groups are nested too deeply here', at: open.length * CONFIG_DEPTH_MAX },
    ])
    expect(loadText('x', open.repeat(CONFIG_DEPTH_MAX)).text).not.toContain('too deeply')
  }
  for (let depth = 100; depth < 2_000; depth += 100) {
    for (const text of [`sources: ${'['.repeat(depth)}${']'.repeat(depth)}`, `sources: ${'- '.repeat(depth)}`])
      loadText('x', text)
    loadText('x', `${'{ sources: '.repeat(depth)}1${'}'.repeat(depth)}`)
  }
})

test('control characters in a value are escaped', () => {
  const text = 'sources: { in: { type: stdin } }\ndestinations: { out: { type: file, path: "/a\\0\\e[31m\\n" } }\n'
  expect(loadText('x', text).text.split('\n')[0]).toBe(
    'x:2:42 CONFIG_TEMPLATE: path: "/a#000#033[31m#012": a path holds no NUL',
  )
})

test('an empty list of receivers is reported as one fault only', () => {
  const text = 'sources: { in: { type: stdin } }\ndestinations: { up: { type: forward, to: [] } }\n'
  const { faults } = loadText('x', text)
  expect(faults.map(({ sentence }) => sentence)).toEqual(['to: the list is empty; it takes at least one entry'])
})

test('a pattern with a leading "!" is a fault, not the name of a file, and so is one for compressed files', () => {
  const text = `sources: { a: { type: file, paths: [/x/*.log, "!/x/b.log", /x/*.gz], exclude: ["!c.log", "d!", "!(e).log"] } }
destinations: { out: { type: stdout } }
`
  const { faults } = loadText('x', text)
  expect(faults.map(({ at, sentence }) => [at, sentence])).toEqual([
    [text.indexOf('"!/x'), 'paths: "!" negates nothing here; files to skip belong in "exclude"'],
    [text.indexOf('/x/*.gz'), 'paths: a pattern finds no compressed files; name the file that is written'],
    [text.indexOf('"!c'), 'exclude: "!" negates nothing here; "exclude" has no exceptions'],
  ])
})

test('the start of a message is a pattern without slashes: with them, "^" and "$" would never match', () => {
  const saidOf = (start: string) => {
    const a = { type: 'file', paths: ['/x'], multiline: { start } }
    const text = JSON.stringify({ sources: { a }, destinations: { out: { type: 'stdout' } } })
    return loadText('x', text).faults.map(({ sentence, suggestion }) => [sentence, suggestion])
  }
  const start = 'multiline.start: '
  expect(saidOf('/^[0-9]{4}-/')).toEqual([[`${start}/^[0-9]{4}-/ is written without slashes here`, '^[0-9]{4}-']])
  expect(saidOf('/:$/')).toEqual([[`${start}/:$/ is written without slashes here`, ':$']])
  for (const path of ['/', '/usr/', '^/usr/', '/a^b/', '/usr/|^x', '']) expect(saidOf(path)).toEqual([])
})

test('addresses to listen on, sockets and files that are used twice are faults', () => {
  const text = `sources:
  a: { type: syslog, listen: ["tcp://[::1]:7999", "udp://[::1]:7999", "relp://[::1]:7999", "tcp://[::1]:0", "tcp://[::1]:0"] }
  b: { type: syslog, listen: ["udp://[::1]:7999", "udp://127.0.0.1:7999"] }
  c: { type: unix, path: /run/x }
  d: { type: unix, path: /run/x }
  e: { type: stdin }
  f: { type: stdin }
destinations:
  a: { type: file, path: /x/y.log }
  b: { type: file, path: /x//y.log }
  c: { type: file, path: "/x/{host}.log" }
  d: { type: file, path: "/x/{host}.log", line: raw }
  e: { type: file, path: "/x/{program}.log" }
  f: { type: file, path: "/x/{host}{pid}{msgid}.log" }
  g: { type: file, path: "/x/{host}-{pid}.log" }
  h: { type: file, path: "/x/{severity}.log" }
  i: { type: file, path: "/y/{program}.log" }
`
  const said = loadText('x', text).text.split('\n')
  expect(said.filter((line) => line.startsWith('x:'))).toEqual([
    'x:2:71 CONFIG_WRONG_VALUE: listen: listed twice: tcp port 7999 of ::1',
    'x:3:31 CONFIG_WRONG_VALUE: listen: "a" already has udp port 7999 of ::1',
    'x:5:26 CONFIG_WRONG_VALUE: path: "c" already has /run/x',
    'x:7:14 CONFIG_WRONG_VALUE: type: "e" already has standard input',
    'x:10:26 CONFIG_WRONG_VALUE: path: "a" already has /x/y.log',
    'x:12:26 CONFIG_WRONG_VALUE: path: "c" already has /x/{host}.log',
    'x:13:26 CONFIG_WRONG_VALUE: path: /x/{program}.log fits the same names as /x/{host}.log of "c"; use different folders',
    'x:14:26 CONFIG_WRONG_VALUE: path: /x/{host}{pid}{msgid}.log fits the same names as /x/{host}.log of "c"; use different folders',
  ])
})

test('an address or a socket that is spelt in two ways is found used twice', () => {
  const text = `sources:
  a: { type: syslog, listen: ["tcp://[::1]:7999", "udp://LOGS:7999", "udp://[0::0]:7998"] }
  b: { type: syslog, listen: ["tcp://[0:0:0:0:0:0:0:1]:7999", "udp://logs:7999", "udp://127.0.0.1:7998"] }
  c: { type: unix, path: /run/x }
  d: { type: unix, path: /run//x }
destinations: { out: { type: stdout } }
`
  expect(loadText('x', text).faults.map(({ sentence }) => sentence)).toEqual([
    'listen: "a" already has tcp port 7999 of ::1',
    'listen: "a" already has udp port 7999 of logs',
    'listen: udp port 7998 of 127.0.0.1 conflicts with udp port 7998 of ::, which "a" has',
    'path: "c" already has /run/x',
  ])
})

test('a fault of an option hides neither an address nor a file that is used twice', () => {
  const text = `sources:
  a: { type: syslog, listen: ["udp://[::1]:7999"], zone: Mars/Olympus }
  b: { type: syslog, listen: ["udp://[::1]:7999"], keep_hst: true, allow: [x] }
destinations:
  c: { type: file, path: /x, mode: 0640 }
  d: { type: file, path: /x, rotate: { keep: 5, daly: true } }
`
  expect(loadText('x', text).faults.map(({ sentence }) => sentence.replace(/[;,(].*/, ''))).toEqual([
    'zone: there is no time zone "Mars/Olympus"',
    'listen: "a" already has udp port 7999 of ::1',
    'sources have no "keep_hst"',
    'allow: "x" is not a network',
    'mode: 640 is a number',
    'path: "c" already has /x',
    'rotate.keep: 5 has no unit',
    '"rotate" has no "daly"',
  ])
})

test('a missing option is explained in one sentence, however long its description is', () => {
  const text = 'sources: { in: { type: stdin } }\ndestinations: { out: { type: forward } }\n'
  const [{ sentence }] = loadText('x', text).faults
  expect(sentence).toBe('forward destinations need "to" (receivers, all with the same protocol)')
})

test('a fault of a TLS setting hides no address that is used twice', () => {
  const text = `sources:
  a: { type: syslog, listen: ["tls://[::1]:7999"], tls: { cert: /a, key: /b, verify: maybe } }
  b: { type: syslog, listen: ["relps://[::1]:7999"], tls: { cert: /a, key: /b, verify: required } }
destinations: { out: { type: stdout } }
`
  expect(loadText('x', text).faults.map(({ sentence }) => sentence.replace(/[;,(].*/, ''))).toEqual([
    'tls.verify: "maybe" is not one of required',
    'listen: "a" already has tcp port 7999 of ::1',
    'tls.verify: "verify: required" needs "ca": the certificates of those who sign for clients',
  ])
})

test('faults of options do not hide those of rules about several options', () => {
  const text = `sources:
  a: { type: syslog, listen: ["tls://h"], zone: nowhere, tls: { cert: /a, verify: required } }
  b: { type: unix, path: /x, mode: "9", when_full: block }
  c: { type: syslog, listen: ["udp://h"], zone: nowhere, tls: { cert: 5, key: /b } }
destinations:
  d: { type: file, path: "{x}", rotate: { compress: bz } }
  e: { type: forward, to: ["udp://a", "udp://b"], framing: x, tls: { cert: /a, verify: maybe } }
`
  const beginnings = loadText('x', text).faults.map(({ sentence }) => sentence.slice(0, 26))
  expect(beginnings).toEqual([
    ...['zone: there is no time zon', '"tls" needs "key" (private', 'tls.verify: "verify: requi'],
    ...['mode: "9" is not a mode; w', 'when_full: senders of data'],
    ...['zone: there is no time zon', 'tls: no address of "listen', 'tls.cert: 5 is a number; q'],
    ...['path: there is no field {x', 'rotate: without "daily" or', 'rotate.compress: "bz" is n'],
    ...['to: UDP has no answers, so', 'framing: "x" is not one of', 'tls: no address of "to" be'],
    ...['tls.cert: "cert" needs "ke', 'tls.verify: "maybe" is not'],
  ])
})

test('a misspelt key is not also reported as missing beside another one', () => {
  const saidOf = (options: string) =>
    loadText('x', `sources: { in: { type: stdin } }\ndestinations: { out: { ${options} } }\n`).faults.map(
      ({ sentence }) => sentence,
    )
  expect(saidOf('type: forward, to: ["tls://a"], tls: { crt: /a, key: /b }')).toEqual(['"tls" has no "crt"'])
  expect(saidOf('type: file, path: /x, rotate: { dayly: true }')).toEqual(['"rotate" has no "dayly"'])
})

test('a path that begins with "~" is a fault, instead of a folder of that name', () => {
  const text = `data: ~/data
sources:
  a: { type: file, paths: [~/a.log, /a/~/b, ~c.log], exclude: [~/b.log, "~", ~lock] }
  b: { type: unix, path: ~/socket }
  c: { type: syslog, listen: ["tls://h"], tls: { cert: ~/cert, key: ~daemon/key, ca: ~/ca } }
destinations:
  d: { type: file, path: "~/{host}.log" }
  e: { type: file, path: "{host}/~/x" }
`
  const { faults } = loadText('x', text)
  const sentence = (option: string, tilde = '~') =>
    `${option}: "${tilde}" does not stand for a home folder here; write the whole path`
  const home = (path: string) => homedir() + path
  expect(faults.map((fault) => [fault.sentence, fault.suggestion])).toEqual([
    [sentence('data'), home('/data')],
    [sentence('paths'), home('/a.log')],
    [sentence('exclude'), home('/b.log')],
    [sentence('exclude'), home('')],
    [sentence('path'), home('/socket')],
    [sentence('tls.cert'), home('/cert')],
    [sentence('tls.key', '~daemon'), undefined],
    [sentence('tls.ca'), home('/ca')],
    [sentence('path'), home('/{host}.log')],
  ])
})

test('how long rotated files are kept: a number without a unit may mean days or files', () => {
  const rotate = { daily: true, keep: 5 }
  const out = { type: 'file', path: '/x', rotate }
  const [{ sentence }] = loadText(
    'x',
    JSON.stringify({ sources: { in: { type: 'stdin' } }, destinations: { out } }),
  ).faults
  expect(sentence).toBe(
    'rotate.keep: 5 has no unit; write a duration such as 30d, or a number of files such as 5 files',
  )
})

test('an address to listen on conflicts with a wildcard address of the same port, and [::] includes IPv4', () => {
  const saidOf = (first: string, second: string) => {
    const text = `sources:\n  a: { type: syslog, listen: ["${first}"] }\n  b: { type: syslog, listen: ["${second}"] }\n`
    return loadText('x', `${text}destinations: { out: { type: stdout } }\n`).text.split('\n')[0]
  }
  const beside = (what: string, other: string) =>
    `x:3:31 CONFIG_WRONG_VALUE: listen: ${what} conflicts with ${other}, which "a" has`
  const tcp = 'tcp port 7999 of'
  expect(saidOf('tcp://0.0.0.0:7999', 'relp://127.0.0.1:7999')).toBe(beside(`${tcp} 127.0.0.1`, `${tcp} 0.0.0.0`))
  expect(saidOf('tcp://127.0.0.1:7999', 'tcp://0.0.0.0:7999')).toBe(beside(`${tcp} 0.0.0.0`, `${tcp} 127.0.0.1`))
  expect(saidOf('tcp://[::]:7999', 'tcp://0.0.0.0:7999')).toBe(beside(`${tcp} 0.0.0.0`, `${tcp} ::`))
  expect(saidOf('tcp://[::]:7999', 'tcp://[::1]:7999')).toBe(beside(`${tcp} ::1`, `${tcp} ::`))
  expect(saidOf('tcp://localhost:7999', 'tcp://[::]:7999')).toBe(beside(`${tcp} ::`, `${tcp} localhost`))
  expect(saidOf('tcp://[::ffff:127.0.0.1]:7999', 'tcp://0.0.0.0:7999')).toBe(
    beside(`${tcp} 0.0.0.0`, `${tcp} 127.0.0.1`),
  )
  expect(saidOf('udp://[::]:514', 'udp://10.0.0.1')).toBe(beside('udp port 514 of 10.0.0.1', 'udp port 514 of ::'))
  const apart = ['udp://0.0.0.0:7999', 'tcp://0.0.0.0:7998', 'tcp://[::1]:7999', 'tcp://10.0.0.2:7999']
  for (const other of apart) expect(saidOf('tcp://10.0.0.1:7999', other)).toBe('')
  expect(saidOf('tcp://0.0.0.0:7999', 'tcp://[::1]:7999')).toBe('')
})

test('broken.txt has at least 80 cases', () => expect(cases.length).toBeGreaterThanOrEqual(80))

test('a fault is printed in the format of the manual, with the name of the file', () => {
  const text =
    'sources: { in: { type: stdin } }\ndestinations:\n  old:\n    type: forward\n    to: ["tcp://old:514"]\n    formt: rfc3164\n'
  expect(loadText('sluice.yaml', text, undefined, testTypes).text).toBe(
    'sluice.yaml:6:5 CONFIG_UNKNOWN_KEY: destinations have no "formt"; did you mean "format"?\n' +
      '    formt: rfc3164\n' +
      '    ^\n',
  )
})

test('templates and line formats: every mistake is reported with its place and a suggestion', () => {
  const text =
    'sources: { in: { type: stdin } }\n' +
    'destinations:\n' +
    "  a: { type: file, path: '/x/{hst}/{program}-{daet}.log', line: isoo }\n" +
    '  b: { type: file, path: "/\\u00e9/{host", line: "{tme} {message}" }\n'
  const said = loadText('x', text).text.split('\n')
  expect(said.filter((line) => line.startsWith('x:'))).toEqual([
    'x:3:30 CONFIG_TEMPLATE: path: there is no field {hst}; did you mean "{host}"?',
    'x:3:46 CONFIG_TEMPLATE: path: there is no field {daet}; did you mean "{date}"?',
    'x:3:65 CONFIG_WRONG_VALUE: line: there is no line format "isoo"; did you mean "iso"?',
    'x:4:35 CONFIG_TEMPLATE: path: a brace without its partner',
    'x:4:50 CONFIG_TEMPLATE: line: there is no field {tme}; did you mean "{time}"?',
  ])
})

test('a configuration for a mode other than the one that was started is a fault', () => {
  expect(loadText('x', `${head}mode: client\n`, 'server', testTypes).text).toBe(
    'x:3:7 CONFIG_WRONG_VALUE: mode: this is for `sluice client`, and `sluice server` was started\nmode: client\n      ^\n',
  )
})

test('of a long line, the part around the fault is shown', () => {
  const { text } = loadText(
    'x',
    `${head}filters: { a: "${'x '.repeat(200)}( ${'y '.repeat(200)}" }\n`,
    undefined,
    testTypes,
  )
  const [, shown, caret] = text.split('\n')
  expect(shown.length).toBeLessThan(170)
  expect(shown.charAt(caret.indexOf('^'))).toBe('(')
})

test('any text results in a configuration or in faults, and never throws', () => {
  const word = fc.constantFrom(
    ...[
      'sources',
      'destinations',
      'routes',
      'filters',
      'in',
      'out',
      'type',
      'stdin',
      'file',
      'to',
      'from',
      'where',
      'paths',
    ],
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ': ',
      ',',
      '- ',
      '\n',
      '\n  ',
      '\n    ',
      '\t',
      '"',
      "'",
      '|',
      '>',
      '&a',
      '*a',
      '!x',
      '#',
      '<<',
      '?',
    ],
    ...[
      '30',
      '30s',
      '1GiB',
      'true',
      'null',
      '~',
      '0640',
      '/a(/',
      '__proto__',
      '\u0000',
      '\ufeff',
      '日本',
      '\r\n',
      '%',
      '@',
      '`',
      '---',
    ],
  )
  const soup = fc.array(word, { maxLength: 40 }).map((words) => words.join(''))
  const check = (text: string) => {
    const { configuration, faults, text: shown } = loadText('x', text, undefined, testTypes)
    expect(configuration === undefined).toBe(faults.length > 0)
    expect(shown.split('\n').filter((line) => /^\s*\^$/.test(line)).length).toBeGreaterThanOrEqual(faults.length)
  }
  fc.assert(fc.property(soup, check), { numRuns: 500 })
  fc.assert(
    fc.property(
      soup.map((text) => head + text),
      check,
    ),
    { numRuns: 500 },
  )
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), check), { numRuns: 300 })
})
