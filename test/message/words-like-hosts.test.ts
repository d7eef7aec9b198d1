// Words after a time that may also be the name of a host: zones, AM and PM, addresses and what resembles them. Received on 2026-11-23 at 12:00 UTC.

import { describe, expect, test } from 'vitest'
import { fieldsOf, type Fields } from './fields.ts'

// syslog-ng 3.38 and rsyslog 8.2302 read these words as the host.
describe('a word like a zone directly before a tag is the host', () => {
  test.each(['UTC', 'CET', 'EST', 'WEST', 'utc', 'cet', 'est', 'AM', 'PM'])('%s, before a tag', (host) => {
    const header = { pri: 14, format: 'rfc3164', time: '2026-10-11T10:00:00.000Z', host, message: 'm' }
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${host} app: m`)).toEqual({ ...header, program: 'app' })
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${host} app[7]: m`)).toEqual({ ...header, program: 'app', pid: '7' })
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${host} app[7] m`)).toEqual({ ...header, program: 'app', pid: '7' })
    expect(fieldsOf(`<14>Oct 11 10:00:00.000 ${host} app: m`)).toEqual({ ...header, program: 'app' })
    expect(fieldsOf(`<14>2026-10-11T10:00:00 ${host} app: m`)).toEqual({ ...header, program: 'app' })
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${host} app:`)).toEqual({ ...header, program: 'app', message: '' })
  })
})

const ZONES: readonly [message: string, fields: Partial<Fields>][] = [
  ['Oct 11 10:00:00 CET web-1 app: m', { time: '2026-10-11T09:00:00.000Z', zone: 60, host: 'web-1', program: 'app' }],
  ['Oct 11 10:00:00 CET 10.0.0.1 app: m', { time: '2026-10-11T09:00:00.000Z', zone: 60, host: '10.0.0.1' }],
  ['Oct 11 10:00:00 CET 2001:db8::1 app: m', { time: '2026-10-11T09:00:00.000Z', zone: 60, host: '2001:db8::1' }],
  ['Oct 11 10:00:00 CET: %SYS-5-X: m', { time: '2026-10-11T09:00:00.000Z', zone: 60, program: '%SYS-5-X' }],
  ['Oct 11 10:00:00 CET %SYS-5-X: m', { time: '2026-10-11T09:00:00.000Z', zone: 60, program: '%SYS-5-X' }],
  ['Oct 11 10:00:00 CET [12] m: x', { time: '2026-10-11T09:00:00.000Z', zone: 60 }],
]

test.each(ZONES)('a zone that is not directly before a tag is a zone: %s', (message, fields) => {
  expect(fieldsOf(`<14>${message}`)).toMatchObject(fields)
})

describe('times with AM and PM', () => {
  test.each([
    ['Oct 11 10:00:00 AM web-1 app: m', '2026-10-11T10:00:00.000Z'],
    ['Oct 11 10:00:00 PM web-1 app: m', '2026-10-11T22:00:00.000Z'],
    ['Oct 11 12:00:01 AM web-1 app: m', '2026-10-11T00:00:01.000Z'],
    ['Oct 11 12:00:01 PM web-1 app: m', '2026-10-11T12:00:01.000Z'],
    ['Oct 11 1:02:03 PM web-1 app: m', '2026-10-11T13:02:03.000Z'],
    ['Oct 11 22:00:00 PM web-1 app: m', '2026-10-11T22:00:00.000Z'],
    ['Oct 11 2025 10:00:00 PM web-1 app: m', '2025-10-11T22:00:00.000Z'],
    ['Oct 11 10:00:00.125 PM web-1 app: m', '2026-10-11T22:00:00.125Z'],
    ['Oct 11 10:00:00 PM 2025 web-1 app: m', '2025-10-11T22:00:00.000Z'],
    ['Oct 11 10:00:00 PM UTC web-1 app: m', '2026-10-11T22:00:00.000Z'],
  ])('%s', (message, time) => {
    expect(fieldsOf(`<14>${message}`)).toEqual({
      ...{ pri: 14, format: 'rfc3164', time, host: 'web-1', program: 'app', message: 'm' },
    })
  })

  // `<PRI>number: [host: ]Mmm dd yyyy hh:mm:ss AM.fff zone :  %…` of Cisco's call managers, and similar forms.
  test.each([
    ['65: cucm1: Oct 11 2026 10:00:00 PM.250 UTC :  ', '2026-10-11T22:00:00.250Z', 'cucm1'],
    ['65: Oct 11 10:00:00 AM.250 UTC :  ', '2026-10-11T10:00:00.250Z', undefined],
    ['Oct 11 2026 10:00:00 PM: ', '2026-10-11T22:00:00.000Z', undefined],
    ['Oct 11 2026 10:00:00 PM fw1 : ', '2026-10-11T22:00:00.000Z', 'fw1'],
  ])('of Cisco devices: %s', (before, time, host) => {
    expect(fieldsOf(`<189>${before}%UC_RTMT-2-RTMT_ALERT: m`)).toEqual({
      ...{ pri: 189, format: 'rfc3164', time, program: '%UC_RTMT-2-RTMT_ALERT', message: 'm' },
      ...(host ? { host } : {}),
    })
  })

  test.each([
    ['PMX app: m', { host: 'PMX', program: 'app' }],
    ['PM.example app: m', { host: 'PM.example', program: 'app' }],
    ['PM-1 app: m', { host: 'PM-1', program: 'app' }],
    ['PM: m', { program: 'PM', message: 'm' }],
    ['am web-1 app: m', { host: 'am' }],
  ])('a word that only resembles AM or PM is not one: %s', (text, fields) => {
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${text}`)).toMatchObject({ time: '2026-10-11T10:00:00.000Z', ...fields })
  })
})

describe('addresses', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['[192.0.2.7]', '192.0.2.7'],
    ['192.0.2.7:', '192.0.2.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1:', '2001:db8::1'],
    ['2001:db8::', '2001:db8::'],
    ['::1', '::1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
    ['1:2:3:4:5:6:192.0.2.7', '1:2:3:4:5:6:192.0.2.7'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['fe80::1%eth0:', 'fe80::1%eth0'],
  ])('%s is the host', (word, host) => {
    const header = { pri: 14, format: 'rfc3164', time: '2026-10-11T10:00:00.000Z', host }
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${word} app: m`)).toEqual({ ...header, program: 'app', message: 'm' })
    expect(fieldsOf(`<14>Oct 11 10:00:00 ${word} a text`)).toEqual({ ...header, message: 'a text' })
  })

  test.each(['[12345.678901]', '[10:43:21]', '[2.0]', '[1.2.3]', '[12.5%]', '[256.1.1.1]', '[::]', '[1::2::3]'])(
    '%s is text',
    (word) => {
      const header = { pri: 14, format: 'rfc3164', time: '2026-10-11T10:00:00.000Z' }
      expect(fieldsOf(`<14>Oct 11 10:00:00 ${word} eth0: m`)).toEqual({ ...header, message: `${word} eth0: m` })
    },
  )

  test.each(['10:43:21', '22:14:15.003', ':::', '::', '1:2:3:4:5:6:7:8:9', '1::2::3', '12345::1', 'fe80::1%'])(
    '%s is no host',
    (word) => expect(fieldsOf(`<14>Oct 11 10:00:00 ${word} backup started`).host).toBeUndefined(),
  )

  test.each([
    ['2001:db8::1: app: m', '2001:db8::1'],
    ['2001:db8::1 app: m', '2001:db8::1'],
    ['web-1: app: m', 'web-1'],
    ['web-1:app: m', 'web-1'],
  ])('behind "Message forwarded from": %s', (text, host) => {
    expect(fieldsOf(`<14>Oct 11 10:00:00 Message forwarded from ${text}`)).toMatchObject({ host, program: 'app' })
  })
})
