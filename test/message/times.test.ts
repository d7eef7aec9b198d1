// Incomplete times, which are completed from the time of receipt and the zone of the source.

import { describe, expect, test } from 'vitest'
import { localZone, zoneNamed } from '../../common/message/zone.ts'
import { fieldsOf } from './fields.ts'

describe('a time without a year is resolved to the latest one that is at most a month after its receipt', () => {
  const at = (iso: string) => Date.parse(iso) * 1000
  test.each([
    ['2027-01-01T00:00:10Z', 'Dec 31 23:59:59', '2026-12-31T23:59:59.000Z'],
    ['2026-12-31T23:59:50Z', 'Jan  1 00:00:03', '2027-01-01T00:00:03.000Z'],
    ['2026-07-01T00:00:00Z', 'Jun 30 23:00:00', '2026-06-30T23:00:00.000Z'],
    ['2028-03-01T00:00:00Z', 'Feb 29 10:00:00', '2028-02-29T10:00:00.000Z'],
    ['2029-01-15T00:00:00Z', 'Feb 29 10:00:00', '2028-02-29T10:00:00.000Z'],
    ['2026-11-23T12:00:00Z', 'Feb  5 17:32:18', '2026-02-05T17:32:18.000Z'],
    ['2026-11-23T12:00:00Z', 'Dec  5 17:32:18', '2026-12-05T17:32:18.000Z'],
    ['2026-11-23T12:00:00Z', 'Dec 30 17:32:18', '2025-12-30T17:32:18.000Z'],
  ])('received %s: %s', (received, time, expected) => {
    expect(fieldsOf(`<13>${time} h p: m`, {}, at(received)).time).toBe(expected)
  })

  test('February 29th far from a leap year is an invalid time', () => {
    expect(fieldsOf('<13>Feb 29 10:00:00 h p: m', {}, at('2026-06-01T00:00:00Z'))).toMatchObject({
      defects: ['TIME_INVALID'],
    })
  })

  test('the year changes at midnight of the sender, not of UTC', () => {
    const zone = zoneNamed('Asia/Tokyo')!
    const fields = fieldsOf('<13>Jan  1 00:30:00 h p: m', { zone }, at('2026-12-31T15:30:05Z'))
    expect(fields.time).toBe('2026-12-31T15:30:00.000Z')
  })
})

describe('a time without a zone is read in the zone of the source', () => {
  const paris = zoneNamed('Europe/Paris')!
  test.each([
    ['winter', '2026-11-23T12:00:00Z', 'Nov 23 13:00:00', '2026-11-23T12:00:00.000Z', 60],
    ['summer', '2026-07-01T12:00:00Z', 'Jul  1 14:00:00', '2026-07-01T12:00:00.000Z', 120],
    ['just before the spring jump', '2026-03-29T01:00:00Z', 'Mar 29 01:59:59', '2026-03-29T00:59:59.000Z', 60],
    ['just after the spring jump', '2026-03-29T01:00:00Z', 'Mar 29 03:00:00', '2026-03-29T01:00:00.000Z', 120],
    ['in the skipped hour', '2026-03-29T01:30:00Z', 'Mar 29 02:30:00', '2026-03-29T01:30:00.000Z', 60],
    ['in the repeated hour', '2026-10-25T00:30:00Z', 'Oct 25 02:30:00', '2026-10-25T00:30:00.000Z', 120],
    ['after the repeated hour', '2026-10-25T02:00:00Z', 'Oct 25 03:00:00', '2026-10-25T02:00:00.000Z', 60],
  ])('%s', (_, received, time, expected, zone) => {
    const fields = fieldsOf(`<13>${time} h p: m`, { zone: paris }, Date.parse(received) * 1000)
    expect(fields).toMatchObject({ time: expected, zone })
  })

  // New Zealand is 13 hours east of UTC in summer, Samoa skipped December 30th 2011, Lord Howe goes back by half an hour.
  test.each([
    ['Europe/Paris', 'Oct 25 02:10:00', '2026-10-25T00:10:01Z', '2026-10-25T00:10:00.000Z', 120],
    ['Europe/Paris', 'Oct 25 02:10:00', '2026-10-25T01:10:01Z', '2026-10-25T01:10:00.000Z', 60],
    ['Europe/Paris', 'Oct 25 02:59:59', '2026-10-25T02:00:02Z', '2026-10-25T01:59:59.000Z', 60],
    ['Europe/Paris', 'Oct 25 02:00:00', '2026-10-25T00:59:59Z', '2026-10-25T01:00:00.000Z', 60],
    ['America/St_Johns', 'Nov  1 01:30:00', '2026-11-01T04:00:01Z', '2026-11-01T04:00:00.000Z', -150],
    ['America/St_Johns', 'Nov  1 01:30:00', '2026-11-01T05:00:01Z', '2026-11-01T05:00:00.000Z', -210],
    ['Australia/Lord_Howe', 'Apr  5 01:40:00', '2026-04-04T14:40:01Z', '2026-04-04T14:40:00.000Z', 660],
    ['Australia/Lord_Howe', 'Apr  5 01:40:00', '2026-04-04T15:10:01Z', '2026-04-04T15:10:00.000Z', 630],
    ['Pacific/Auckland', 'Apr  5 02:30:00', '2026-04-04T13:30:01Z', '2026-04-04T13:30:00.000Z', 780],
    ['Pacific/Auckland', 'Apr  5 02:30:00', '2026-04-04T14:30:01Z', '2026-04-04T14:30:00.000Z', 720],
    ['Pacific/Auckland', 'Sep 27 02:30:00', '2026-09-26T14:30:01Z', '2026-09-26T14:30:00.000Z', 720],
    ['Pacific/Apia', 'Dec 29 23:59:59', '2011-12-30T10:00:00Z', '2011-12-30T09:59:59.000Z', -600],
    ['Pacific/Apia', 'Dec 31 00:00:00', '2011-12-30T10:00:01Z', '2011-12-30T10:00:00.000Z', 840],
  ])('%s: %s received at %s', (name, time, received, expected, zone) => {
    const fields = fieldsOf(`<13>${time} h p: m`, { zone: zoneNamed(name)! }, Date.parse(received) * 1000)
    expect(fields).toMatchObject({ time: expected, zone })
  })

  test('zones are found by fixed offset, `UTC` and `local`, and unknown names are rejected', () => {
    expect(zoneNamed('+05:30')!.offsetAt(0)).toBe(330)
    expect(zoneNamed('-0800')!.offsetAt(0)).toBe(-480)
    expect(zoneNamed('UTC')!.offsetAt(0)).toBe(0)
    expect(zoneNamed('local')).toBe(localZone)
    expect(zoneNamed('Europe/Atlantis')).toBeUndefined()
  })
})

describe('the same text as the previous time, which is cached,', () => {
  const same = '<14>Nov 22 23:30:00 host su: x'

  test('is of another year if it is received in another year', () => {
    const received = (text: string) => fieldsOf('<14>Dec 31 23:30:00 host su: x', {}, Date.parse(text) * 1000).time
    expect(received('2026-12-31T23:30:01Z')).toBe('2026-12-31T23:30:00.000Z')
    expect(received('2028-01-01T00:10:00Z')).toBe('2027-12-31T23:30:00.000Z')
    expect(received('2026-12-31T23:30:01Z')).toBe('2026-12-31T23:30:00.000Z')
  })

  test('is another instant in another zone', () => {
    const zone = zoneNamed('Asia/Tokyo')!
    expect(fieldsOf(same).time).toBe('2026-11-22T23:30:00.000Z')
    expect(fieldsOf(same, { zone })).toMatchObject({ time: '2026-11-22T14:30:00.000Z', zone: 540 })
    expect(fieldsOf(same).time).toBe('2026-11-22T23:30:00.000Z')
  })

  test.each([
    ['<14>Nov 22 23:30:00 1999 host su: x', '1999-11-22T23:30:00.000Z'],
    ['<14>Nov 22 23:30:00 1999: %ASA-6-302015: x', '1999-11-22T23:30:00.000Z'],
    ['<14>Nov 22 23:30:00 1999', '1999-11-22T23:30:00.000Z'],
    ['<14>Nov 22 23:30:00 10.0.0.1 su: x', '2026-11-22T23:30:00.000Z'],
    ['<14>Nov 22 23:30:00 CET host su: x', '2026-11-22T22:30:00.000Z'],
    ['<14>Nov 22 23:30:00.250 host su: x', '2026-11-22T23:30:00.250Z'],
    ['<14>Nov 22 23:30:01 host su: x', '2026-11-22T23:30:01.000Z'],
  ])('may be followed by a year, zone or fraction: %s', (message, time) => {
    for (const before of [same, '<14>Nov 22 23:30:00 10.0.0.1 su: x']) {
      expect(fieldsOf(before).time).toBe('2026-11-22T23:30:00.000Z')
      expect(fieldsOf(message).time).toBe(time)
    }
  })

  test('in RFC 5424 may have another fraction and zone', () => {
    const time = (text: string) => fieldsOf(`<14>1 ${text} h a p m - x`).time
    expect(time('2026-10-11T22:14:15.003Z')).toBe('2026-10-11T22:14:15.003Z')
    expect(time('2026-10-11T22:14:15+02:00')).toBe('2026-10-11T20:14:15.000Z')
    expect(time('2026-10-11T22:14:15.5Z')).toBe('2026-10-11T22:14:15.500Z')
    expect(time('2026-10-11T22:14:16Z')).toBe('2026-10-11T22:14:16.000Z')
  })
})

test.each([
  ['1000000000', '2001-09-09T01:46:40.000Z'],
  ['4102444799', '2099-12-31T23:59:59.000Z'],
  ['4102444800', undefined],
  ['9999999999', undefined],
  ['0000000031', undefined],
])('seconds since the epoch: %s', (seconds, time) => {
  expect(fieldsOf(`<14>${seconds} h p: m`).time).toBe(time)
})

test.each([
  ['<14>1700000000 requests served since start', '1700000000 requests served since start'],
  ['<14>1286536308.779    180 192.0.2.7 TCP_MISS/200', '1286536308.779    180 192.0.2.7 TCP_MISS/200'],
  ['1286536308.779    180 192.0.2.7 TCP_MISS/200', '1286536308.779    180 192.0.2.7 TCP_MISS/200'],
  ['1700000000 h p: m', '1700000000 h p: m'],
])('a number in a text is not a count of seconds since the epoch: %s', (line, message) => {
  const fields = fieldsOf(line)
  expect([fields.time, fields.host, fields.message]).toEqual([undefined, undefined, message])
})

test.each(['Oct 11 22:14:155', 'Oct 11 2:14:155', '2026-10-11T22:14:155'])('seconds have two digits: %s', (time) => {
  expect(fieldsOf(`<14>2026-10-11T22:14:15 h p: m`).time).toBe('2026-10-11T22:14:15.000Z')
  expect(fieldsOf(`<14>${time} h p: m`).time).toBeUndefined()
})
