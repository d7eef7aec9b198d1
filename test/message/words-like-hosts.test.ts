// Words after a time that may also be the name of a host: zones, AM and PM. Received on 2026-11-23 at 12:00 UTC.

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
