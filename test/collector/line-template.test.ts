import { expect, test } from 'vitest'
import { fieldText, lineTemplate } from '../../collector/line-template.ts'
import { Output } from '../../common/message/output.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const received = Date.UTC(2026, 10, 23, 10, 0, 0) * 1000

function line(template: string, message: string): string {
  const origin = originOf({ peer: '192.0.2.7', source: 'lan' })
  const output = new Output()
  const batch = batchOf([message], origin, received)
  lineTemplate(template).write(batch, 0, batch.runs[0], output)
  return output.written.toString()
}

const structured = '<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 [x.y@1 a="v\nw" b="2"] text'

test.each([
  ['{host} {program}[{pid}] {msgid}: {message}', 'host su[77] ID47: text'],
  ['{facility}.{severity}', 'auth.crit'],
  ['{time}', '2003-10-11T22:14:15.003000+00:00'],
  ['{peer} {from} {source}', '192.0.2.7 192.0.2.7 lan'],
  ['{sd.x.y@1.a}|{sd.x.y@1.b}|{sd.x.y@1.c}|{sd.__proto__.a}', 'v#012w|2||'],
  ['only text', 'only text'],
])('%s is written %s', (template, expected) => {
  expect(line(template, structured).replace('Z', '+00:00')).toBe(expected)
})

test('a parameter that comes several times is written with all its values', () => {
  const origin = '<34>1 - host su - - [origin ip="192.0.2.1" ip="192.0.2.129"][x a="1"][origin software="s"] text'
  expect(line('{sd.origin.ip} {sd.origin.software}', origin)).toBe('192.0.2.1,192.0.2.129 s')
})

test('a message cannot forge a line', () => {
  expect(line('{message}', '<13>Nov 23 10:00:00 h p: a\nb')).not.toContain('\n')
})

test('a field as text', () => {
  const batch = batchOf([structured], originOf(), received)
  expect(fieldText(batch, 0, batch.runs[0], 'message')).toBe('text')
})

test.each(['{hots}', '{', '}', '{host', '{sd.x}', '{}'])('%s is refused', (template) => {
  expect(() => lineTemplate(template)).toThrow(expect.objectContaining({ code: 'CONFIG_TEMPLATE' }))
})
