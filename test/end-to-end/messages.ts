// Test messages of every kind that the peers can carry too: their fields, and their form in RFC 5424 and RFC 3164.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

/** The fields of a message; a missing field is absent. */
export interface Fields {
  readonly facility: number
  readonly severity: number
  /** Milliseconds since the epoch. */
  readonly time?: number
  readonly host: string
  readonly program?: string
  readonly pid?: string
  readonly msgid?: string
  readonly sd?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly message: string
}

const facilities = 'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock'.split(' ')
/** RFC 5424 §6.2.1, with the names of `logger -p`. */
const facilityNames = [...facilities, ...Array.from({ length: 8 }, (_, i) => `local${i}`)]
const severityNames = 'emerg alert crit err warning notice info debug'.split(' ')

const texts = [
  'plain text',
  'Failed password for invalid user admin from 192.0.2.7 port 4711 ssh2',
  'two  spaces   inside',
  'quotes "double" and \'single\' and `back`',
  'brackets [a] {b} (c) <d>',
  'backslash \\ and \\n and \\"',
  'per cent %s %d %% $HOST ${MSG} #012',
  'colon: and more: of them',
  'su[77]: looks like a header',
  '<13>looks like a PRI',
  '1 2026-11-20T10:00:00Z looks like RFC 5424',
  '12 monkeys',
  'Nov 20 10:00:00 looks like a date',
  '{"json":true,"n":1,"s":"a\\"b"}',
  'key=value other="quoted value"',
  'ünïcödé – naïve café',
  '日本語のログ',
  'emoji 🚀 and a family 👨‍👩‍👧',
  'русский текст',
  'العربية',
  'combining e\u0301',
  '',
  '-',
  '- - -',
  'x',
  'x'.repeat(1024),
  `${'long '.repeat(1638)}end`,
  'ü'.repeat(2000),
  'slash /var/log/app.log and C:\\logs\\app',
  'comma,separated,values,,',
  'ends with a colon:',
  'ends with a bracket]',
  '@cee: {"a":1}',
  '*.* all *.emerg @@host:514',
  '0',
  '...',
  '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
  'a|b|c;d&e>f<g',
]

const data: Fields['sd'][] = [
  undefined,
  { 'exampleSDID@32473': { iut: '3', eventSource: 'Application', eventID: '1011' } },
  { 'escapes@32473': { quote: 'a "b" c', backslash: 'a\\b', bracket: 'a]b[c', all: '\\"]' } },
  { 'one@32473': { a: '1' }, 'two@32473': { b: 'ü', c: '' } },
  { 'spaces@32473': { text: 'a b  c', equals: 'a=b' } },
]
const programs = ['app', 'sshd', 'postfix/smtpd', 'web-1.api', 'CRON', 'my_app', 'x', 'kernel']
const hosts = ['web-1', 'db.example.net', '192.0.2.7', 'HOST-A', 'a.b-c.d']

/** About forty messages with times before `now` (ms since the epoch), with varied fields. */
export function variedMessages(now: number = Date.now()): Fields[] {
  const second = Math.floor(now / 1000) * 1000
  return texts.map((message, i): Fields => {
    const [program, pid, msgid] = [programs[i % programs.length], String(1 + i * 811), `ID${i}`]
    const sd = data[i % data.length]
    return {
      ...{
        facility: i % 24,
        severity: i % 8,
        time: second - i * 61_000 + ((i * 37) % 1000),
        host: hosts[i % hosts.length],
      },
      ...{ program, message, ...(i % 3 !== 0 && { pid }), ...(i % 4 !== 0 && { msgid }), ...(sd && { sd }) },
    }
  })
}

/** The fields that RFC 3164 can express. */
export function asRfc3164({ msgid: _msgid, sd: _sd, ...rest }: Fields): Fields {
  return inSeconds(rest)
}

/** Truncates the time to whole seconds, since a dialect of RFC 3164 has fractions. */
export function inSeconds(fields: Fields): Fields {
  return fields.time === undefined ? fields : { ...fields, time: Math.floor(fields.time / 1000) * 1000 }
}

const priority = ({ facility, severity }: Fields) => `<${facility * 8 + severity}>`

/** The message as RFC 5424 §6 has it. */
export function rfc5424(fields: Fields): string {
  const { time, host, program = '-', pid = '-', msgid = '-', sd, message } = fields
  // Six digits, because rsyslog 8.2302 drops the milliseconds of `.037`.
  const stamp = time === undefined ? '-' : new Date(time).toISOString().replace('Z', '000Z')
  const elements = Object.entries(sd ?? {}).map(([id, params]) => {
    return `[${[id, ...Object.entries(params).map(([name, value]) => `${name}="${value.replaceAll(/["\\\]]/g, '\\$&')}"`)].join(' ')}]`
  })
  const head = `${priority(fields)}1 ${stamp} ${host} ${program} ${pid} ${msgid} ${elements.join('') || '-'}`
  return message === '' ? head : `${head} ${message}`
}

/** The message as RFC 3164 §4 has it, with its time in UTC. */
export function rfc3164(fields: Fields): string {
  const at = new Date(fields.time!)
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[at.getUTCMonth()]
  const stamp = `${month} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)}`
  const tag = fields.pid === undefined ? fields.program : `${fields.program}[${fields.pid}]`
  return `${priority(fields)}${stamp} ${fields.host} ${tag}: ${fields.message}`
}

const present = (text: unknown): string | undefined => (text === '' || text === '-' ? undefined : String(text))

/** Parses structured data of RFC 5424 §6.3. */
function parsedData(text: string | undefined): Fields['sd'] {
  if (text === undefined) return undefined
  const elements: Record<string, Record<string, string>> = {}
  for (const [, id, rest] of text.matchAll(/\[([^ \]]+)((?: [^ =]+="(?:[^"\\]|\\.)*")*)\]/g)) {
    const params = [...rest.matchAll(/ ([^ =]+)="((?:[^"\\]|\\.)*)"/g)]
    elements[id] = Object.fromEntries(params.map(([, name, value]) => [name, value.replaceAll(/\\(["\\\]])/g, '$1')]))
  }
  return elements
}

/** The fields of a JSON line of a peer, with a numeric facility and severity, and `sd` as RFC 5424 writes it. */
export function peerFields(line: string): Fields {
  const values = JSON.parse(line) as Record<string, string>
  return withoutAbsent({
    ...{ facility: Number(values['facility']), severity: Number(values['severity']) },
    ...{ time: Date.parse(values['time']), host: values['host'] ?? '' },
    ...{
      program: present(values['program'] ?? ''),
      pid: present(values['pid'] ?? ''),
      msgid: present(values['msgid'] ?? ''),
    },
    ...{ sd: parsedData(present(values['sd'] ?? '')), message: values['message'] ?? '' },
  })
}

/** The fields of a line of sluice's `json` format. */
export function ourFields(line: string): Fields {
  const values = JSON.parse(line) as Record<string, string> & { sd?: Fields['sd'] }
  const { host, program, pid, msgid, sd, message } = values
  return withoutAbsent({
    ...{ facility: facilityNames.indexOf(values['facility']), severity: severityNames.indexOf(values['severity']) },
    ...{ time: Date.parse(values['time']), host, program, pid, msgid, sd, message },
  })
}

const withoutAbsent = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as Fields

/** Compares the messages in a file with those that were sent, one by one, so that a failure names the message. */
export function expectFields(path: string, read: (line: string) => Fields, sent: readonly Fields[]): void {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  const got = lines.map(read)
  for (let i = 0; i < sent.length; i += 1) expect(got[i], `message ${i} in ${path}`).toEqual(sent[i])
  expect(got).toHaveLength(sent.length)
}
