// What is not from the network: lines of files. Received on 2026-11-23 at 12:00 UTC.

import { describe, expect, test } from 'vitest'
import { fieldsOf } from './fields.ts'

describe('lines of files', () => {
  const file = { lines: 'text', host: Buffer.from('web-1'), program: Buffer.from('app'), priority: 134 } as const
  test.each([
    ['a bare line', 'GET /index.html 200', { pri: 134, format: 'raw', message: 'GET /index.html 200' }],
    [
      'a line with a time',
      '2026-11-20T10:00:00 INFO server: up',
      { format: 'raw', message: '2026-11-20T10:00:00 INFO server: up' },
    ],
    ['a line that looks like syslog of another host', 'Oct 11 22:14:15 mail sshd[1]: m', { format: 'raw' }],
    [
      'what this machine’s syslogd writes',
      'Oct 11 22:14:15 web-1 sshd[1]: m',
      { format: 'rfc3164', pri: 134, program: 'sshd', pid: '1', message: 'm' },
    ],
    [
      'the same with an ISO time',
      '2026-10-11T22:14:15.5+00:00 web-1 sshd[1]: m',
      { format: 'rfc3164', program: 'sshd', message: 'm' },
    ],
    [
      'this host, but no tag',
      'Oct 11 22:14:15 web-1 went away',
      { format: 'raw', message: 'Oct 11 22:14:15 web-1 went away' },
    ],
    ['a valid PRI', '<38>Oct 11 22:14:15 h p: m', { format: 'rfc3164', pri: 38, host: 'h' }],
    ['XML', '<999>', { format: 'raw', pri: 134, message: '<999>' }],
    ['a tag', 'sshd[1]: m', { format: 'raw', message: 'sshd[1]: m' }],
  ])('%s', (_, line, fields) => {
    expect(fieldsOf(line, file)).toMatchObject(fields)
    expect(fieldsOf(line, file).defects).toBeUndefined()
  })
})
