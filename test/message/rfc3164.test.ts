// What devices send as RFC 3164. Received on 2026-11-23 at 12:00 UTC; times without a year are of 2026 if that is
// within the next month.

import { describe, expect, test } from 'vitest'
import { fieldsOf, type Fields } from './fields.ts'

const MEANT: readonly [what: string, message: string, fields: Partial<Fields>][] = [
  [
    'the example of RFC 3164 §5.4',
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
    {
      pri: 34,
      format: 'rfc3164',
      time: '2026-10-11T22:14:15.000Z',
      host: 'mymachine',
      program: 'su',
      message: "'su root' failed for lonvick on /dev/pts/8",
    },
  ],
  [
    'the relayed example of §5.4: no tag',
    '<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!',
    { host: '10.0.0.99', message: 'Use the BFG!' },
  ],
  [
    'the example of §5.4 with zone and year',
    "<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time to make the do-nuts.",
    {
      time: '1987-08-24T11:34:00.000Z',
      zone: -360,
      host: 'mymachine',
      program: 'myproc',
      pid: '10',
      message: "%% It's time to make the do-nuts.",
    },
  ],
  [
    'the example of §5.4 with the year first',
    "<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
    {
      pri: 0,
      time: '1990-10-22T16:52:01.000Z',
      zone: -360,
      host: 'scapegoat.dmz.example.org',
      message: "10.1.2.3 sched[0]: That's All Folks!",
    },
  ],
  ['a pid', '<38>Nov 23 11:59:59 web-1 sshd[2213]: hi', { host: 'web-1', program: 'sshd', pid: '2213', message: 'hi' }],
  ['a fraction', '<38>Nov 23 11:59:59.123456 web-1 sshd: hi', { time: '2026-11-23T11:59:59.123Z', message: 'hi' }],
  [
    'a fraction without digits',
    '<38>2026-11-23T11:59:59.Z web-1 sshd: hi',
    { time: '2026-11-23T11:59:59.000Z', host: 'web-1', program: 'sshd', message: 'hi' },
  ],
  [
    'a fraction without digits before the host',
    '<38>Nov 23 11:59:59. web-1 sshd: hi',
    { time: '2026-11-23T11:59:59.000Z', host: 'web-1', program: 'sshd', message: 'hi' },
  ],
  [
    'a fraction after a comma',
    '<38>Nov 23 11:59:59,5 web-1 sshd: hi',
    { time: '2026-11-23T11:59:59.500Z', message: 'hi' },
  ],
  ['a day with a leading zero', '<38>Nov 03 11:59:59 h p: m', { time: '2026-11-03T11:59:59.000Z', host: 'h' }],
  [
    'a one-digit day after a single space',
    '<38>Feb 5 17:32:18 h p: m',
    { time: '2026-02-05T17:32:18.000Z', host: 'h', program: 'p' },
  ],
  ['a one-digit hour', '<38>Nov  3 1:59:59 h p: m', { time: '2026-11-03T01:59:59.000Z', host: 'h', program: 'p' }],
  ['a one-digit hour after a year', '<38>Nov 13 2025 1:59:59 h p: m', { time: '2025-11-13T01:59:59.000Z', host: 'h' }],
  ['a time without seconds is text', '<38>Nov 13 1:59 h p: m', { format: 'raw', message: 'Nov 13 1:59 h p: m' }],
  ['a lower-case month', '<38>sep  5 17:32:18 h p: m', { time: '2026-09-05T17:32:18.000Z', host: 'h' }],
  [
    'an ISO time with T and zone',
    '<38>2006-11-10T10:43:21.156+02:00 h p: m',
    { time: '2006-11-10T08:43:21.156Z', zone: 120, host: 'h', program: 'p' },
  ],
  [
    'an ISO time with a space',
    '<38>2006-11-10 10:43:21 h p: m',
    { time: '2006-11-10T10:43:21.000Z', host: 'h', program: 'p' },
  ],
  ['an ISO time with a comma', '<38>2006-11-10 10:43:21,156 h p: m', { time: '2006-11-10T10:43:21.156Z', host: 'h' }],
  [
    'PIX and ASA',
    '<38>Oct 11 2025 22:14:15: %ASA-6-302015: Built',
    { time: '2025-10-11T22:14:15.000Z', program: '%ASA-6-302015', message: 'Built' },
  ],
  [
    'PIX and ASA with `logging device-id`',
    '<166>Oct 11 2025 22:14:15 fw1 : %ASA-6-302013: Built outbound TCP connection',
    { host: 'fw1', program: '%ASA-6-302013', message: 'Built outbound TCP connection' },
  ],
  ['a separate colon without a Cisco event is text', '<38>Oct 11 22:14:15 h : m', { host: 'h', message: ': m' }],
  [
    'Linksys',
    '<38>Apr  3 07:02:06 2024 router p: m',
    { time: '2024-04-03T07:02:06.000Z', host: 'router', program: 'p' },
  ],
  ['the year first', '<38>2024 Jun  3 10:00:00 h p: m', { time: '2024-06-03T10:00:00.000Z', host: 'h', program: 'p' }],
  ['the day first', '<38>22 Sep 2025 10:00:00 h p: m', { time: '2025-09-22T10:00:00.000Z', host: 'h', program: 'p' }],
  ['ctime', '<38>Sat Oct 11 22:14:15 2025 h p: m', { time: '2025-10-11T22:14:15.000Z', host: 'h', program: 'p' }],
  ['a zone name', '<38>Oct 11 22:14:15 CEST h p: m', { time: '2026-10-11T20:14:15.000Z', zone: 120, host: 'h' }],
  ['an offset', '<38>Oct 11 22:14:15 +0200 h p: m', { time: '2026-10-11T20:14:15.000Z', zone: 120, host: 'h' }],
  [
    'an offset from GMT',
    '<38>Oct 11 22:14:15 GMT+2 h p: m',
    { time: '2026-10-11T20:14:15.000Z', zone: 120, host: 'h' },
  ],
  [
    'an offset from UTC with minutes, and a colon',
    '<38>Oct 11 22:14:15 UTC-03:30: h p: m',
    { time: '2026-10-12T01:44:15.000Z', zone: -210, host: 'h', program: 'p' },
  ],
  [
    'a host that resembles an offset',
    '<38>Oct 11 22:14:15 UTC+x p: m',
    { time: '2026-10-11T22:14:15.000Z', host: 'UTC+x' },
  ],
  [
    'an ISO time with an offset as a word: Barracuda',
    '<134>2026-11-10 10:43:21.156 +0100 waf1 WF ALER x',
    { time: '2026-11-10T09:43:21.156Z', zone: 60, host: 'waf1', message: 'WF ALER x' },
  ],
  [
    'an ISO time with the name of a zone',
    '<38>2026-11-10 10:43:21 CET h p: m',
    { time: '2026-11-10T09:43:21.000Z', zone: 60, host: 'h', program: 'p' },
  ],
  ['an ISO time with a zone, and a host with the name of a zone', '<38>2026-11-10T10:43:21Z CET p: m', { host: 'CET' }],
  [
    'milliseconds after a colon: H3C',
    '<189>Nov 10 10:43:21:156 2025 H3C %%10IFNET/3/LINK_UPDOWN: m',
    { time: '2025-11-10T10:43:21.156Z', host: 'H3C', program: '%%10IFNET/3/LINK_UPDOWN', message: 'm' },
  ],
  [
    'summer time after an offset: Huawei',
    '<189>Jul 10 2026 10:43:21+02:00 DST HUAWEI %%01SHELL/4/LOGIN(s):m',
    { time: '2026-07-10T08:43:21.000Z', zone: 120, host: 'HUAWEI', program: '%%01SHELL/4/LOGIN(s)', message: 'm' },
  ],
  [
    'summer time after an offset of an ISO time',
    '<189>2026-07-10 10:43:21+02:00 DST HUAWEI p: m',
    { time: '2026-07-10T08:43:21.000Z', zone: 120, host: 'HUAWEI', program: 'p' },
  ],
  ['a host with the name DST', '<189>2026-07-10T10:43:21 DST p: m', { host: 'DST', program: 'p' }],
  ['a host with the name DST after an offset', '<189>2026-07-10T10:43:21Z DST p[1]: m', { host: 'DST', pid: '1' }],
  [
    'a number after a colon, and no year: a host',
    '<38>Nov 10 10:43:21:156 p: m',
    { time: '2026-11-10T10:43:21.000Z', host: '156' },
  ],
  ['seconds since the epoch', '<38>1563249630.5 h p: m', { time: '2019-07-16T04:00:30.500Z', host: 'h', program: 'p' }],
  [
    'Meraki',
    '<134>1 1563249630.774247467 MX84 events type=dhcp',
    { pri: 134, time: '2019-07-16T04:00:30.774Z', host: 'MX84', message: 'events type=dhcp' },
  ],
  [
    'a version before a time of RFC 3164',
    '<134>1 Oct 11 22:14:15 h p[1]: m',
    { time: '2026-10-11T22:14:15.000Z', host: 'h', program: 'p', pid: '1', message: 'm' },
  ],
  [
    'a day before a month is not a version',
    '<134>1 Oct 2025 22:14:15 h p: m',
    { time: '2025-10-01T22:14:15.000Z', host: 'h' },
  ],
  [
    'a space after the PRI',
    '<38> Oct 11 22:14:15 h p: m',
    { time: '2026-10-11T22:14:15.000Z', host: 'h', program: 'p' },
  ],
  [
    'Cisco with a sequence',
    '<187>65536: Apr 29 13:58:46: %SYS-5-CONFIG_I: Configured',
    { time: '2026-04-29T13:58:46.000Z', program: '%SYS-5-CONFIG_I', message: 'Configured' },
  ],
  [
    'Cisco with a clock that is not set',
    '<187>*Apr 29 13:58:46.411: %SYS-5-CONFIG_I: x',
    { time: '2026-04-29T13:58:46.411Z', program: '%SYS-5-CONFIG_I' },
  ],
  [
    'Cisco with a clock that lost its server',
    '<187>.Apr 29 13:58:46: %SYS-5-CONFIG_I: x',
    { time: '2026-04-29T13:58:46.000Z' },
  ],
  [
    'forwarded by AIX',
    '<38>Oct 11 22:14:15 Message forwarded from web-1: sshd[5]: m',
    { host: 'web-1', program: 'sshd', pid: '5', message: 'm' },
  ],
  [
    'forwarded by AIX, without a colon',
    '<38>Oct 11 22:14:15 Message forwarded from web-1 sshd: m',
    { host: 'web-1', program: 'sshd' },
  ],
  [
    'last message repeated, no host',
    '<38>Oct 11 22:14:15 last message repeated 5 times',
    { message: 'last message repeated 5 times' },
  ],
  [
    'last message repeated, with host',
    '<38>Oct 11 22:14:15 web-1 last message repeated 5 times',
    { host: 'web-1', message: 'last message repeated 5 times' },
  ],
  ['an IPv6 host', '<38>Oct 11 22:14:15 2001:db8::1 sshd[1]: m', { host: '2001:db8::1', program: 'sshd', pid: '1' }],
  [
    'an IPv6 host with a zone',
    '<38>Oct 11 22:14:15 fe80::1%eth0 sshd[1]: m',
    { host: 'fe80::1%eth0', program: 'sshd' },
  ],
  ['an IPv4 host in brackets', '<38>Oct 11 22:14:15 [10.0.0.1] sshd[1]: m', { host: '10.0.0.1', program: 'sshd' }],
  ['a chain of hosts', '<38>Oct 11 22:14:15 user@host/relay sshd[1]: m', { host: 'user@host/relay', program: 'sshd' }],
  ['a host with an underscore', '<38>Oct 11 22:14:15 web_1 sshd[1]: m', { host: 'web_1' }],
  ['a host with a colon', '<38>Oct 11 22:14:15 router: sshd[1]: m', { host: 'router', program: 'sshd', pid: '1' }],
  [
    'a child of systemd',
    '<38>Oct 11 22:14:15 h (sd-pam)[12]: m',
    { host: 'h', program: '(sd-pam)', pid: '12', message: 'm' },
  ],
  [
    'a program with its module',
    '<38>Oct 11 22:14:15 h sshd(pam_unix)[12]: m',
    { host: 'h', program: 'sshd(pam_unix)', pid: '12', message: 'm' },
  ],
  [
    'a program with its module, without a pid',
    '<38>Oct 11 22:14:15 h su(pam_unix): m',
    { program: 'su(pam_unix)', message: 'm' },
  ],
  [
    'Huawei',
    '<189>Oct 11 2026 22:14:15 sw %%01SHELL/5/CMDRECORD(s)[4]:m',
    { host: 'sw', program: '%%01SHELL/5/CMDRECORD(s)', pid: '4', message: 'm' },
  ],
  [
    'parentheses that are text: WatchGuard',
    '<38>Oct 11 22:14:15 h (2026-04-29T11:58:46) firewall: m',
    { host: 'h', message: '(2026-04-29T11:58:46) firewall: m' },
  ],
  [
    'parentheses that are text: Juniper',
    '<28>Oct 11 22:14:15 h (FPC Slot 0, PIC Slot 0) kernel: m',
    { host: 'h', message: '(FPC Slot 0, PIC Slot 0) kernel: m' },
  ],
  [
    'Ubiquiti',
    '<30>Oct 11 22:14:15 U7PG2,f09fc2000000,v4.3.28.11361: hostapd: ath0: m',
    { host: 'U7PG2,f09fc2000000,v4.3.28.11361', program: 'hostapd', message: 'ath0: m' },
  ],
  [
    'Ubiquiti, in parentheses',
    '<30>Oct 11 22:14:15 ("U7PG2,f09fc2000000,v4.0.0") hostapd: ath0: m',
    { host: 'U7PG2,f09fc2000000,v4.0.0', program: 'hostapd', message: 'ath0: m' },
  ],
  [
    'Ubiquiti without a time',
    '<30>U7PG2,f09fc2000000,v4.0.0: hostapd[12]: ath0: m',
    { format: 'rfc3164', host: 'U7PG2,f09fc2000000,v4.0.0', program: 'hostapd', pid: '12', message: 'ath0: m' },
  ],
  [
    'Ubiquiti with a device name: the model is the program, as in rsyslog and syslog-ng',
    '<30>Oct 11 22:14:15 Office-AP f09fc2000000,UAP-AC-Pro-Gen2-6.0.14+13541: hostapd[2345]: m',
    { host: 'Office-AP', program: 'f09fc2000000,UAP-AC-Pro-Gen2-6.0.14+13541', message: 'hostapd[2345]: m' },
  ],
  [
    'topics of MikroTik',
    '<30>Oct 11 22:14:15 MikroTik dhcp,info: dhcp1 assigned 10.0.0.5',
    { host: 'MikroTik', program: 'dhcp,info', message: 'dhcp1 assigned 10.0.0.5' },
  ],
  ['commas in text', '<30>Oct 11 22:14:15 h one,two: three', { host: 'h', program: 'one,two' }],
  [
    'a number right after the colon of a tag',
    '<14>Oct 11 22:14:15 h SPEC:0|x',
    { host: 'h', program: 'SPEC', message: '0|x' },
  ],
  ['a word with a comma', '<30>Oct 11 22:14:15 one,two: three', { message: 'one,two: three' }],
  [
    'Snare',
    '<13>Oct 11 22:14:15 win\tMSWinEventLog\t1\tSecurity',
    { time: '2026-10-11T22:14:15.000Z', host: 'win', message: 'MSWinEventLog\t1\tSecurity' },
  ],
  [
    'Snare without a time',
    '<13>win\tMSWinEventLog\t1\tSecurity',
    { format: 'rfc3164', host: 'win', message: 'MSWinEventLog\t1\tSecurity' },
  ],
  ['tabs in text', '<13>a\tb\tc', { format: 'raw', message: 'a\tb\tc' }],
  [
    'ASA with `logging device-id` and without a time',
    '<166>fw1 : %ASA-6-302013: m',
    { format: 'rfc3164', host: 'fw1', program: '%ASA-6-302013', message: 'm' },
  ],
  ['a colon in text', '<13>a : b: c', { format: 'raw', message: 'a : b: c' }],
  ['a path as program', '<38>Oct 11 22:14:15 h /usr/sbin/cron[12]: m', { program: '/usr/sbin/cron', pid: '12' }],
  ['no host', '<38>Oct 11 22:14:15 sshd[1]: m', { program: 'sshd', pid: '1', message: 'm' }],
  ['no host and no pid', '<38>Oct 11 22:14:15 sshd: m', { program: 'sshd', message: 'm' }],
  ['no space after the tag', '<38>Oct 11 22:14:15 h prog:nospace', { program: 'prog', message: 'nospace' }],
  ['a pid without a colon', '<38>Oct 11 22:14:15 h prog[7] m', { program: 'prog', pid: '7', message: 'm' }],
  [
    'a pid with brackets of its own: Cloud Foundry',
    '<14>Oct 11 22:14:15 h app[[APP/PROC/WEB/0]]: m',
    { program: 'app', pid: '[APP/PROC/WEB/0]', message: 'm' },
  ],
  ['a tag that already ended with a colon', '<38>Oct 11 22:14:15 h prog:: m', { program: 'prog', message: ': m' }],
  [
    'a tag that already ended with a colon, and no text',
    '<38>Oct 11 22:14:15 h prog::',
    { program: 'prog', message: ':' },
  ],
  ['two colons after a pid', '<38>Oct 11 22:14:15 h prog[7]::x', { program: 'prog', pid: '7', message: ':x' }],
  ['an empty pid', '<38>Oct 11 22:14:15 h prog[]: m', { program: 'prog', message: 'm' }],
  ['an empty message', '<38>Oct 11 22:14:15 h prog:', { program: 'prog', message: '' }],
  ['a time and one word, which is text', '<38>Oct 11 22:14:15 h', { message: 'h' }],
  ['only the first space after the tag is removed', '<38>Oct 11 22:14:15 h p:   m', { message: '  m' }],
  [
    'a tag with a pid directly after the PRI',
    '<38>sshd[12]: m',
    { format: 'rfc3164', program: 'sshd', pid: '12', message: 'm' },
  ],
  [
    'a tag with a pid directly after the PRI, and no space after it',
    '<38>sshd[12]:m',
    { format: 'rfc3164', program: 'sshd', pid: '12', message: 'm' },
  ],
  ['text with a priority', '<38>hello world', { format: 'raw', message: 'hello world' }],
  ['text with a colon somewhere', '<38>see http://example.com', { format: 'raw', message: 'see http://example.com' }],
  ['a URL is not a tag', '<38>http://example.com', { format: 'raw', message: 'http://example.com' }],
  ['JSON after a PRI', '<13>{"json":true}', { format: 'raw', message: '{"json":true}' }],
  ['JSON after a host', '<13>Oct 11 22:14:15 h {"json": true}', { host: 'h', message: '{"json": true}' }],
  ['a PRI of three digits with zeros', '<013>Oct 11 22:14:15 h p: m', { pri: 13, host: 'h' }],
  ['the highest PRI', '<191>Oct 11 22:14:15 h p: m', { pri: 191 }],
]

describe('RFC 3164', () => {
  test.each(MEANT)('%s', (_, message, fields) => {
    expect(fieldsOf(message)).toMatchObject(fields)
    expect(fieldsOf(message).defects).toBeUndefined()
  })
})

const WRONG: readonly [what: string, message: string, fields: Partial<Fields>][] = [
  ['no PRI at all', 'no pri at all', { pri: 13, format: 'raw', message: 'no pri at all', defects: ['PRI_MISSING'] }],
  ['no PRI, but a header', 'Oct 11 22:14:15 h p[1]: m', { pri: 13, host: 'h', program: 'p', defects: ['PRI_MISSING'] }],
  [
    'a PRI that is too high',
    '<999>Oct 11 22:14:15 h p: m',
    { pri: 13, message: '<999>Oct 11 22:14:15 h p: m', defects: ['PRI_INVALID'] },
  ],
  ['a PRI of 192', '<192>x', { pri: 13, message: '<192>x', defects: ['PRI_INVALID'] }],
  ['a lone <', '<', { pri: 13, message: '<', defects: ['PRI_INVALID'] }],
  ['an empty PRI', '<>x', { pri: 13, message: '<>x', defects: ['PRI_INVALID'] }],
  [
    'a PRI without its end',
    '<34 Sep 11 22:14:15 h p: m',
    { pri: 13, message: '<34 Sep 11 22:14:15 h p: m', defects: ['PRI_INVALID'] },
  ],
  ['a PRI with a sign', '<-1>x', { pri: 13, message: '<-1>x', defects: ['PRI_INVALID'] }],
  ['a PRI of four digits', '<0013>x', { pri: 13, message: '<0013>x', defects: ['PRI_INVALID'] }],
  ['February 30th', '<38>Feb 30 22:14:15 h p: m', { host: 'h', program: 'p', message: 'm', defects: ['TIME_INVALID'] }],
  ['25 o’clock', '<38>Oct 11 25:14:15 h p: m', { host: 'h', program: 'p', defects: ['TIME_INVALID'] }],
  ...['{"time":"2026-10-11T22:14:15Z","level":"error","msg":"a: b"}', '{ "a": 1 }', '["a", "b: c"]', ' {"a":1}'].map(
    (json): (typeof WRONG)[number] => [
      `JSON: ${json}`,
      json,
      { pri: 13, format: 'raw', message: json, defects: ['PRI_MISSING'] },
    ],
  ),
  ['an empty message', '', { pri: 13, format: 'raw', message: '', defects: ['PRI_MISSING'] }],
]

test.each(WRONG)('RFC 3164, broken: %s', (_, message, fields) => {
  const { time, ...rest } = fieldsOf(message)
  expect(rest).toMatchObject(fields)
  if (fields.defects?.includes('TIME_INVALID')) expect(time).toBeUndefined()
})
