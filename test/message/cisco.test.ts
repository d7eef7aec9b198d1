// Messages of Cisco devices: `logging origin-id`, `service sequence-numbers`, `service timestamps` of IOS; NX-OS;
// ASA; CUCM. Received on 2026-11-23 at 12:00 UTC; times without a year are of 2026.

import { describe, expect, test } from 'vitest'
import { fieldsOf, type Fields } from './fields.ts'

const CISCO: readonly [message: string, fields: Partial<Fields>][] = [
  ['29: foo: *Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z', host: 'foo' }],
  ['29: 10.1.2.3: 000030: *Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z', host: '10.1.2.3' }],
  ['29: foo: 000030: Apr 29 13:58:46 CEST: ', { time: '2026-04-29T11:58:46.000Z', zone: 120, host: 'foo' }],
  ['29: 000030: .Apr 29 2025 13:58:46: ', { time: '2025-04-29T13:58:46.000Z' }],
  ['29: 2001:db8::1: Apr 29 13:58:46: ', { time: '2026-04-29T13:58:46.000Z', host: '2001:db8::1' }],
  ['29: [10.1.2.3]: Apr 29 13:58:46: ', { time: '2026-04-29T13:58:46.000Z', host: '10.1.2.3' }],
  ['foo: *Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z', host: 'foo' }],
  ['foo: 000030: *Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z', host: 'foo' }],
  [': 2026 Apr 29 13:58:46 CEST: ', { time: '2026-04-29T11:58:46.000Z', zone: 120 }],
  [': nexus1: 2026 Apr 29 13:58:46 UTC: ', { time: '2026-04-29T13:58:46.000Z', host: 'nexus1' }],
  ['nexus1: 2026 Apr 29 13:58:46 UTC: ', { time: '2026-04-29T13:58:46.000Z', host: 'nexus1' }],
  [':Apr 29 13:58:46 CEST: ', { time: '2026-04-29T11:58:46.000Z', zone: 120 }],
  ['2026-04-29T13:58:46Z : ', { time: '2026-04-29T13:58:46.000Z' }],
  ['123: cucm1: Apr 29 2026 13:58:46.123 UTC :  ', { time: '2026-04-29T13:58:46.123Z', host: 'cucm1' }],
  ['29: foo: *Apr 29 13:58:46.411 KYV: ', { time: '2026-04-29T13:58:46.411Z', host: 'foo' }],
  ['29: Apr 29 2025 13:58:46 BRASILIA: ', { time: '2025-04-29T13:58:46.000Z' }],
  ['foo: Apr 29 13:58:46 Kyiv: ', { time: '2026-04-29T13:58:46.000Z', host: 'foo' }],
  ['29: ', {}],
  ['29: foo: ', { host: 'foo' }],
  ['29: 1w2d: ', {}],
  ['29: foo: 00:01:46: ', { host: 'foo' }],
  ['1y12w: ', {}],
  ['00:01:46: ', {}],
  ['*spamApTask7: Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z' }],
  ['wlc1: *spamApTask7: Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z', host: 'wlc1' }],
  [': *Dot1x_NW_MsgTask_0: Apr 29 13:58:46.411: ', { time: '2026-04-29T13:58:46.411Z' }],
]

test('a wireless controller that sends its name, with an event that begins with `#`', () => {
  expect(fieldsOf('<134>wlc1: *emWeb: Apr 29 13:58:46.411: #AAA-5-AAA_AUTH_ADMIN_USER: aaa.c:1234 m')).toEqual({
    ...{ pri: 134, format: 'rfc3164', time: '2026-04-29T13:58:46.411Z', host: 'wlc1' },
    ...{ program: '#AAA-5-AAA_AUTH_ADMIN_USER', message: 'aaa.c:1234 m' },
  })
})

const NODES: readonly [message: string, fields: Partial<Fields>][] = [
  ['345: RP/0/RP0/CPU0:Apr 29 13:58:46.411 : ', { time: '2026-04-29T13:58:46.411Z' }],
  ['345: LC/0/0/CPU0:2025 Apr 29 13:58:46 CEST: ', { time: '2025-04-29T11:58:46.000Z', zone: 120 }],
  ['345: rt1 RP/0/RSP0/CPU0:*Apr 29 13:58:46.411 UTC: ', { time: '2026-04-29T13:58:46.411Z', host: 'rt1' }],
]

describe('the header before the event of a Cisco device', () => {
  test.each(CISCO)('%s', (before, fields) => {
    expect(fieldsOf(`<189>${before}%SYS-5-CONFIG_I: Configured`)).toEqual({
      ...{ pri: 189, format: 'rfc3164', ...fields },
      ...{ program: '%SYS-5-CONFIG_I', message: 'Configured' },
    })
    expect(fieldsOf(`<189>${before}%DAEMON-6-SYSTEM_MSG: ntpd[12]: up`)).toEqual({
      ...{ pri: 189, format: 'rfc3164', ...fields },
      ...{ program: '%DAEMON-6-SYSTEM_MSG', message: 'ntpd[12]: up' },
    })
  })

  test.each(NODES)('IOS XR: %s', (before, fields) => {
    expect(fieldsOf(`<189>${before}ifmgr[204]: %PKT_INFRA-LINK-3-UPDOWN : Interface down`)).toEqual({
      ...{ pri: 189, format: 'rfc3164', ...fields },
      ...{ program: 'ifmgr', pid: '204', message: '%PKT_INFRA-LINK-3-UPDOWN : Interface down' },
    })
  })

  // An uptime is not a host, nor is a path; and a program may print a time.
  test.each([
    ['29: 1w2d: up', '29', '1w2d: up'],
    ['29: /usr/bin/x:Apr 29 13:58:46', '29', '/usr/bin/x:Apr 29 13:58:46'],
    ['app: Apr 29 13:58:46: started', 'app', 'Apr 29 13:58:46: started'],
    ['app: 2026-04-29 13:58:46 % done', 'app', '2026-04-29 13:58:46 % done'],
    ['app: Apr 29 13:58:46 job: %d done', 'app', 'Apr 29 13:58:46 job: %d done'],
    ['12: monkeys', '12', 'monkeys'],
    ['29: foo: bar', '29', 'foo: bar'],
  ])('similar text is not such a header: %s', (text, program, message) => {
    expect(fieldsOf(`<189>${text}`)).toEqual({ pri: 189, format: 'rfc3164', program, message })
  })
})
