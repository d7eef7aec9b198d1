// A word between host and tag that repeats the PRI. Received on 2026-11-23 at 12:00 UTC.

import { describe, expect, test } from 'vitest'
import { fieldsOf } from './fields.ts'
import { lineFormat } from '../../common/message/line-format.ts'
import { Output } from '../../common/message/output.ts'
import { batchOf, originOf } from '../fake/batch.ts'

describe('a word that repeats the PRI is not part of the text', () => {
  test.each([
    ['<133>', 'bigip1.example.com', 'notice', 'mcpd[5931]: 01070727:5: m', 'mcpd', '5931', '01070727:5: m'],
    ['<132>', 'slot1/bigip1', 'warning', 'tmm1[17]: 01220002:4: m', 'tmm1', '17', '01220002:4: m'],
    ['<131>', 'bigip1', 'err', 'httpd: m', 'httpd', undefined, 'm'],
    ['<30>', 'router', 'daemon.info', 'dnsmasq[12]: m', 'dnsmasq', '12', 'm'],
    ['<12>', 'router', 'user.warn', 'kernel: m', 'kernel', undefined, 'm'],
    ['<86>', 'router', 'authpriv.info', 'dropbear[3]: m', 'dropbear', '3', 'm'],
  ])('%s%s %s %s', (pri, host, word, text, program, pid, message) => {
    expect(fieldsOf(`${pri}Oct 11 22:14:15 ${host} ${word} ${text}`)).toEqual({
      ...{ pri: Number(pri.slice(1, -1)), format: 'rfc3164', time: '2026-10-11T22:14:15.000Z', host, program, message },
      ...(pid ? { pid } : {}),
    })
  })

  // Otherwise the word is the only place with this information, so it stays in the text.
  test.each([
    ['another severity', '<134>', 'notice mcpd[5931]: m'],
    ['another facility', '<30>', 'user.info dnsmasq[12]: m'],
    ['another severity after the right facility', '<30>', 'daemon.err dnsmasq[12]: m'],
    ['a word that only begins with a severity', '<134>', 'information mcpd[5931]: m'],
    ['a facility alone', '<30>', 'daemon dnsmasq[12]: m'],
    ['no tag', '<134>', 'info something happened'],
    ['nothing after it', '<134>', 'info '],
    ['the word alone', '<134>', 'info'],
  ])('the word stays part of the text: %s', (_, pri, text) => {
    const fields = fieldsOf(`${pri}Oct 11 22:14:15 h ${text}`)
    expect(fields).toMatchObject({ host: 'h', message: text })
    expect(fields.program).toBeUndefined()
  })

  test('a line without a PRI keeps the word, unless it agrees with the default priority', () => {
    expect(fieldsOf('Oct 11 22:14:15 router daemon.info ntpd[1]: m')).toMatchObject({
      ...{ pri: 13, host: 'router', message: 'daemon.info ntpd[1]: m' },
    })
    expect(fieldsOf('Oct 11 22:14:15 router user.notice root: m')).toMatchObject({ program: 'root', message: 'm' })
  })

  test('lines are written without the word', () => {
    const batch = batchOf(
      ['<133>Oct 11 22:14:15 bigip1 notice mcpd[5931]: m'],
      originOf(),
      Date.UTC(2026, 10, 23) * 1000,
    )
    const output = new Output()
    lineFormat('rfc3164').write(batch, 0, batch.runs[0], output)
    expect(output.written.toString()).toBe('<133>Oct 11 22:14:15 bigip1 mcpd[5931]: m')
  })
})

describe('a relay that names the host whose message it forwards', () => {
  test.each(['Message forwarded from', 'Forwarded from'])('%s', (words) => {
    expect(fieldsOf(`<38>Oct 11 22:14:15 ${words} web-1: sshd[5]: m`)).toEqual({
      ...{ pri: 38, format: 'rfc3164', time: '2026-10-11T22:14:15.000Z' },
      ...{ host: 'web-1', program: 'sshd', pid: '5', message: 'm' },
    })
  })
})
