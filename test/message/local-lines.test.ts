// Messages that do not come from the network: lines of files, and messages of local programs. Received on 2026-11-23 at 12:00 UTC.

import { describe, expect, test } from 'vitest'
import { fieldsOf, type Fields } from './fields.ts'

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
      'a line written by the syslogd of this machine',
      'Oct 11 22:14:15 web-1 sshd[1]: m',
      { format: 'rfc3164', pri: 134, program: 'sshd', pid: '1', message: 'm' },
    ],
    [
      'the same with an ISO time',
      '2026-10-11T22:14:15.5+00:00 web-1 sshd[1]: m',
      { format: 'rfc3164', program: 'sshd', message: 'm' },
    ],
    [
      'the name of this host, but no tag',
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

describe('messages of programs on this machine', () => {
  const local = { lines: 'local', host: Buffer.from('web-1') } as const
  const time = '2026-10-11T22:14:15.000Z'
  const raw = { format: 'raw' } as const
  test.each<[message: string, fields: Partial<Fields>]>([
    ['Oct 11 22:14:15 su[1]: m', { time, program: 'su', pid: '1', message: 'm' }],
    ['Oct 11 22:14:15 web-1 su[1]: m', { time, host: 'web-1', program: 'su', pid: '1', message: 'm' }],
    ['Oct 11 22:14:15 web-2 su[1]: m', { time, message: 'web-2 su[1]: m' }],
    ['Oct 11 22:14:15 Message forwarded from web-2: su: m', { time, message: 'Message forwarded from web-2: su: m' }],
    ['su: m', { program: 'su', message: 'm' }],
    // Only devices send a host without a time, or before it.
    ['win\tMSWinEventLog\t1\tSecurity', { ...raw, message: 'win\tMSWinEventLog\t1\tSecurity' }],
    ['fw1 : %ASA-6-302013: m', { ...raw, message: 'fw1 : %ASA-6-302013: m' }],
    [' fw1 : %ASA-6-302013: m', { ...raw, message: ' fw1 : %ASA-6-302013: m' }],
    ['29: rt1: %SYS-5-CONFIG_I: m', { program: '29', message: 'rt1: %SYS-5-CONFIG_I: m' }],
    ['app: Oct 11 22:14:15: %d m', { program: 'app', message: 'Oct 11 22:14:15: %d m' }],
    ['app: Feb 30 22:14:15: %d m', { program: 'app', message: 'Feb 30 22:14:15: %d m' }],
    ['web-1: Oct 11 22:14:15: %d m', { time, host: 'web-1', message: '%d m' }],
    ['U7PG2,f09fc2000000,v4.0.0: hostapd: m', { ...raw, message: 'U7PG2,f09fc2000000,v4.0.0: hostapd: m' }],
  ])('%s', (text, fields) => {
    const expected = { pri: 14, format: 'rfc3164', ...fields }
    expect(fieldsOf(`<14>${text}`, local)).toEqual(expected)
    expect(fieldsOf(text, { ...local, priority: 30 })).toEqual({ ...expected, pri: 30, defects: ['PRI_MISSING'] })
  })
})
