import { expect, test } from 'vitest'
import { options, jsonSchemaOf, list, oneOf, flag, count, text, type ZodType } from '../../common/option.ts'
import {
  account,
  byteSize,
  duration,
  endpointUrl,
  facility,
  fileMode,
  network,
  severity,
  zone,
} from '../../common/option-values.ts'

function read<T>(declaration: ZodType<T>, value: unknown): T {
  const result = declaration.safeParse(value)
  if (result.success) return result.data
  throw new Error(result.error.issues.map(wordsOf).join('\n'))
}

function wordsOf(issue: { message: string; code?: string }): string {
  const { suggestion } = (issue as { params?: { suggestion?: string } }).params ?? {}
  return suggestion === undefined ? issue.message : `${issue.message}; did you mean ${suggestion}?`
}

const fault = (declaration: ZodType, value: unknown) => {
  const result = declaration.safeParse(value)
  return result.success ? undefined : result.error.issues.map(wordsOf).join('\n')
}

test.each([
  ['30s', 30_000],
  ['500ms', 500],
  ['1h30m', 5_400_000],
  ['30d', 2_592_000_000],
  ['2w', 1_209_600_000],
  ['1.5s', 1500],
  ['0s', 0],
])('a duration %s is %d ms', (written, ms) => expect(read(duration(), written)).toBe(ms))

test.each([
  [30, '30 has no unit; write a duration such as 30s, 500ms or 1h30m; did you mean 30s?'],
  ['30', '30 has no unit; write a duration such as 30s, 500ms or 1h30m; did you mean 30s?'],
  ['30 s', '"30 s" is not a duration; write one such as 30s, 500ms or 1h30m; did you mean 30s?'],
  ['30sec', '"30sec" is not a duration; write one such as 30s, 500ms or 1h30m; did you mean 30s?'],
  ['5M', '"5M" is not a duration; write one such as 30s, 500ms or 1h30m; did you mean 5m?'],
  ['', '"" is not a duration; write one such as 30s, 500ms or 1h30m'],
  ['s', '"s" is not a duration; write one such as 30s, 500ms or 1h30m'],
  ['-5s', '"-5s" is not a duration; write one such as 30s, 500ms or 1h30m'],
  [true, 'expected a duration such as 30s, 500ms or 1h30m, found true'],
  [null, 'a value is missing here; write a duration such as 30s, 500ms or 1h30m'],
  [['30s'], 'expected a duration such as 30s, 500ms or 1h30m, found a list'],
])('%j is not a duration', (written, words) => expect(fault(duration(), written)).toBe(words))

test('a duration keeps to its bounds', () => {
  expect(fault(duration({ min: '1s', max: '1d' }), '500ms')).toBe('500ms is not within 1s to 1d')
  expect(fault(duration({ min: '1s' }), '500ms')).toBe('500ms is not at least 1s')
  expect(fault(duration({ max: '1d' }), '2d')).toBe('2d is not at most 1d')
  expect(read(duration({ min: '1s', max: '1d' }), '24h')).toBe(86_400_000)
})

test('what is beyond exact numbers is said to be, with and without a bound', () => {
  expect(fault(duration({ min: '1d' }), '999999999999d')).toBe('999999999999d is too large for a duration')
  expect(fault(duration(), '999999999999d')).toBe('999999999999d is too large for a duration')
  expect(fault(byteSize({ min: '1MiB' }), '99999TiB')).toBe('99999TiB is too large for a size')
  expect(fault(byteSize(), '99999TiB')).toBe('99999TiB is too large for a size')
})

test('what is suggested for a bare number keeps to the bounds, too', () => {
  const meant = (declaration: ZodType, value: number) => /did you mean (.*)\?$/.exec(fault(declaration, value)!)?.[1]
  expect(meant(duration({ min: '1d' }), 90)).toBe('90d')
  expect(meant(duration({ max: '1h' }), 7200)).toBeUndefined()
  expect(meant(byteSize({ min: '16MiB' }), 50)).toBe('50MiB')
  expect(meant(byteSize({ min: '480B', max: '16MiB' }), 100)).toBeUndefined()
})

test.each([
  ['1GiB', 2 ** 30],
  ['64KiB', 65_536],
  ['10MB', 10_000_000],
  ['1.5KiB', 1536],
  ['512B', 512],
  ['1kB', 1000],
])('a size %s is %d bytes', (written, bytes) => expect(read(byteSize(), written)).toBe(bytes))

test.each([
  [1048576, '1048576 has no unit; write a size such as 1GiB, 64KiB or 10MB; did you mean 1048576B?'],
  ['1G', '"1G" is not a size; write one such as 1GiB, 64KiB or 10MB; did you mean 1GiB?'],
  ['10mb', '"10mb" is not a size; write one such as 1GiB, 64KiB or 10MB; did you mean 10MB?'],
  ['10 MiB', '"10 MiB" is not a size; write one such as 1GiB, 64KiB or 10MB; did you mean 10MiB?'],
  ['much', '"much" is not a size; write one such as 1GiB, 64KiB or 10MB'],
  ['5s', '"5s" is not a size; write one such as 1GiB, 64KiB or 10MB'],
])('%j is not a size', (written, words) => expect(fault(byteSize(), written)).toBe(words))

test('a mode is octal text', () => {
  expect(read(fileMode(), '0640')).toBe(0o640)
  expect(read(fileMode(), '750')).toBe(0o750)
  expect(fault(fileMode(), 640)).toBe(
    '640 is a number; a mode is text in octal digits, such as "0640"; did you mean "0640"?',
  )
  expect(fault(fileMode(), '0888')).toBe('"0888" is not a mode; write octal digits, such as "0640"')
  expect(fault(fileMode(), 'rw-r-----')).toBe('"rw-r-----" is not a mode; write octal digits, such as "0640"')
})

const all = ['udp', 'tcp', 'tls', 'relp', 'relps'] as const

test.each([
  ['udp://0.0.0.0:514', 'udp', '0.0.0.0', 514],
  ['tcp://[::1]:5514', 'tcp', '::1', 5514],
  ['tcp://[::]', 'tcp', '::', 514],
  ['tls://logs.example.org', 'tls', 'logs.example.org', 6514],
  ['relp://logs-a', 'relp', 'logs-a', 2514],
  ['relps://logs-a', 'relps', 'logs-a', 2515],
  ['udp://localhost', 'udp', 'localhost', 514],
  ['tcp://[fe80::1%eth0]:1', 'tcp', 'fe80::1%eth0', 1],
  ['tcp://[fe80::1%25eth0]:1', 'tcp', 'fe80::1%eth0', 1],
  ['tcp://[fe80::1%25]:1', 'tcp', 'fe80::1%25', 1],
  ['tcp://[fe80::1%251]:1', 'tcp', 'fe80::1%251', 1],
  ['TCP://127.0.0.1:0', 'tcp', '127.0.0.1', 0],
  ['tcp://syslog_1:5514', 'tcp', 'syslog_1', 5514],
])('%s is an address', (written, scheme, host, port) => {
  expect(read(endpointUrl(all, 'listen'), written)).toEqual({ scheme, host, port })
})

test.each([
  [
    '0.0.0.0:514',
    '"0.0.0.0:514" is not an address; write one such as udp://0.0.0.0:514; did you mean udp://0.0.0.0:514?',
  ],
  ['tcp:0.0.0.0:514', 'write one such as udp://0.0.0.0:514; did you mean tcp://0.0.0.0:514?'],
  ['tcp:/logs', 'write one such as udp://0.0.0.0:514; did you mean tcp://logs?'],
  ['UDP:514', 'write one such as udp://0.0.0.0:514; did you mean udp://0.0.0.0:514?'],
  [':514', 'write one such as udp://0.0.0.0:514; did you mean udp://0.0.0.0:514?'],
  ['[::1]:514', 'write one such as udp://0.0.0.0:514; did you mean udp://[::1]:514?'],
  ['tcp', 'write one such as udp://0.0.0.0:514; did you mean tcp://0.0.0.0?'],
  ['http://x', '"http" is not one of udp, tcp'],
  ['tpc://x:1', '"tpc" is not one of udp, tcp; did you mean tcp://x:1?'],
  ['relp://x', '"relp" is not one of udp, tcp'],
  ['tcp://', 'an address must name a host; write one such as udp://0.0.0.0:514'],
  ['tcp://:514', 'an address must name a host; write one such as udp://0.0.0.0:514'],
  ['tcp://::1:514', 'an IPv6 address must be in brackets, such as [::1]:514'],
  ['tcp://[::g]:514', '"::g" is not an IPv6 address'],
  ['tcp://[::1', 'an IPv6 address must be in brackets, such as [::1]:514'],
  ['tcp://h:99999', '99999 is not a port; ports are 0 to 65535'],
  ['tcp://h:http', '"http" cannot follow host and port'],
  ['tcp://h:514/path', '"/path" cannot follow host and port'],
  ['tcp://300.1.1.1:514', '"300.1.1.1" is neither an address nor a host name'],
  ['tcp://-x-:514', '"-x-" is neither an address nor a host name'],
  [514, 'expected an address such as udp://0.0.0.0:514, found 514'],
])('%j is not an address', (written, words) =>
  expect(fault(endpointUrl(['udp', 'tcp'], 'listen'), written)).toContain(words),
)

test('no address is suggested that is none itself, or that is less safe than the one that was meant', () => {
  const to = endpointUrl(['tcp', 'tls'], 'connect')
  for (const written of [':514', 'tcp', 'tcp:514', '::1:514', 'a:b', '/dev/log']) {
    expect(fault(to, written)).toBe(`"${written}" is not an address; write one such as tcp://logs:514`)
  }
  expect(fault(to, 'tcps://logs')).toBe('"tcps" is not one of tcp, tls; did you mean tls://logs?')
})

test.each([
  ['relp+srv://example.net', 'relp', 'example.net', '_relp._tcp.example.net'],
  ['RELPS+SRV://example.net', 'relps', 'example.net', '_relps._tcp.example.net'],
  ['tcp+srv://example.net.', 'tcp', 'example.net.', '_syslog._tcp.example.net.'],
  ['tls+srv://example.net', 'tls', 'example.net', '_syslog-tls._tcp.example.net'],
  ['tcp+srv://_logs._tcp.example.net', 'tcp', '_logs._tcp.example.net', '_logs._tcp.example.net'],
])('%s asks for SRV records', (written, scheme, host, service) => {
  expect(read(endpointUrl(all, 'connect'), written)).toMatchObject({ scheme, host, service })
})

test.each([
  ['relp+srv://example.net:2514', 'SRV records say the port'],
  ['relp+srv://192.0.2.7', 'an address has no SRV records; write a name'],
  ['relp+srv://[::1]', 'an address has no SRV records; write a name'],
  ['udp+srv://example.net', '"udp+srv" is not one of'],
  ['srv://example.net', '"srv" is not one of'],
])('%s asks for none', (written, words) => expect(fault(endpointUrl(all, 'connect'), written)).toContain(words))

test('nobody listens where SRV records say', () => {
  expect(fault(endpointUrl(all, 'listen'), 'relp+srv://example.net')).toContain('"relp+srv" is not one of')
})

test('nobody can be connected to at port 0', () => {
  expect(fault(endpointUrl(['tcp'], 'connect'), 'tcp://h:0')).toBe('0 is not a port; ports are 1 to 65535')
})

test.each([
  ['10.0.0.0/8', '00000000000000000000ffff0a000000', 104],
  ['192.0.2.7', '00000000000000000000ffffc0000207', 128],
  ['2001:db8::/32', '20010db8000000000000000000000000', 32],
  ['::1', '00000000000000000000000000000001', 128],
  ['::ffff:10.0.0.0/104', '00000000000000000000ffff0a000000', 104],
])('%s is a network', (written, address, bits) => {
  const found = read(network(), written)
  expect(Buffer.from(found.address).toString('hex')).toBe(address)
  expect(found.bits).toBe(bits)
})

test.each(['10.0.0.0/33', '::/129', '10.0.0/8', 'host', '', '10.0.0.0/', '10.0.0.0/8/8'])(
  '%j is not a network',
  (written) => {
    expect(fault(network(), written)).toBe(
      `"${written}" is not a network; write one such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7`,
    )
  },
)

test('zones, facilities and severities are known by name', () => {
  expect(read(zone(), 'Europe/Paris').name).toBe('Europe/Paris')
  expect(fault(zone(), 'Europe/Pariss')).toBe('there is no time zone "Europe/Pariss"; did you mean Europe/Paris?')
  expect(fault(zone(), 'paris')).toBe('there is no time zone "paris"; did you mean Europe/Paris?')
  expect(fault(zone(), 'Local')).toBe('there is no time zone "Local"; did you mean local?')
  expect(fault(zone(), 'Mars/Olympus')).toMatch(/^there is no time zone "Mars\/Olympus"; write one such as/)
  expect(read(facility(), 'local0')).toBe(16)
  expect(fault(facility(), 'locla0')).toMatch(/^there is no facility "locla0".* did you mean local0\?$/)
  expect(fault(facility(), 16)).toBe('16 is a number; write the name of a facility; did you mean local0?')
  expect(read(severity(), 'err')).toBe(3)
  expect(read(severity(), 'warn')).toBe(4)
  expect(fault(severity(), 'wraning')).toMatch(/did you mean warning\?$/)
})

test('words, flags, counts and text say what they take', () => {
  expect(read(oneOf('start', 'end'), 'end')).toBe('end')
  expect(fault(oneOf('start', 'end'), 'ende')).toBe('"ende" is not one of start or end; did you mean end?')
  expect(fault(oneOf('start', 'end'), 5)).toBe('5 is not one of start or end')
  expect(read(flag(), false)).toBe(false)
  expect(fault(flag(), 'yes')).toBe('"yes" is text here; did you mean true?')
  expect(fault(flag(), 'false')).toBe('"false" is text here; write it without quotes')
  expect(fault(flag(), 1)).toBe('expected true or false, found 1')
  expect(read(count(1, 10), 10)).toBe(10)
  expect(fault(count(1, 10), 11)).toBe('11 is not within 1 to 10')
  expect(fault(count(1, 10), 1.5)).toBe('1.5 is not a whole number')
  expect(fault(count(1, 10), '5')).toBe('expected a whole number, found "5"')
  expect(fault(text(), 404)).toBe('404 is a number; quotes make it text; did you mean "404"?')
  expect(fault(text(), '')).toBe('text cannot be empty')
  expect(read(account('user'), 'syslog')).toBe('syslog')
  expect(fault(account('group'), 'a b')).toBe('"a b" is not the name of a group')
})

test('a declaration has defaults, optional keys and required ones, and gives its JSON schema', () => {
  const declaration = options({
    paths: list(text('a pattern')).describe('Files to follow.'),
    idle: duration({ min: '1s' }).prefault('30s').describe('When a file is closed.'),
    program: text().optional().describe('The program.'),
  })
  expect(read(declaration, { paths: ['a'] })).toEqual({ paths: ['a'], idle: 30_000 })
  expect(fault(declaration, { idle: '5s' })).toBe('Invalid input: expected array, received undefined')
  expect(jsonSchemaOf(declaration)).toMatchObject({
    additionalProperties: false,
    required: ['paths'],
    properties: {
      paths: { type: 'array', description: 'Files to follow.', items: { type: 'string', kind: 'a pattern' } },
      idle: {
        type: 'string',
        kind: 'a duration',
        bound: 'at least 1s',
        default: '30s',
        description: 'When a file is closed.',
      },
      program: { type: 'string', description: 'The program.' },
    },
  })
})
