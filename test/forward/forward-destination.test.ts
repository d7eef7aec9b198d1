// The faults that `check` reports for the receivers of a forward destination, with line and column.

import { expect, test } from 'vitest'
import { summaryOf } from '../../config/command/check.ts'
import { loadText } from '../../config/load.ts'

/** The report of faults for a configuration with these receivers (and further options); empty if there are none. */
function faultsOf(to: string): string {
  return loadText('x', `sources: { in: { type: stdin } }\ndestinations: { up: { type: forward, to: ${to} } }\n`).text
}

test('several receivers over TCP or RELP, and one over UDP, are accepted', () => {
  expect(faultsOf('["tcp://a", "tcp://b:1514"]')).toBe('')
  expect(faultsOf('["udp://a"]')).toBe('')
  for (const balance of ['failover', 'round-robin', 'hash']) {
    expect(faultsOf(`["relp://a", "relp://b"], balance: ${balance}`)).toBe('')
  }
  expect(faultsOf('["udp://a", "udp://b"], balance: hash')).toBe('')
})

test('a balance is accepted with a single receiver', () => {
  for (const balance of ['failover', 'round-robin', 'hash'])
    expect(faultsOf(`["tcp://a"], balance: ${balance}`)).toBe('')
  expect(faultsOf('["udp://a"], balance: failover')).toBe('')
})

test('an unknown balance gets a suggestion', () => {
  expect(faultsOf('["tcp://a", "tcp://b"], balance: roundrobin')).toContain(
    'CONFIG_WRONG_VALUE: balance: "roundrobin" is not one of failover, round-robin or hash; did you mean "round-robin"?\n',
  )
  expect(faultsOf('["tcp://a", "tcp://b"], balance: ""')).toContain('is not one of failover, round-robin or hash')
  expect(faultsOf('["tcp://a", "tcp://b"], balance: 1')).toContain('1 is not one of failover, round-robin or hash')
})

test('receivers over both TCP and UDP are a fault at each one that differs from the first', () => {
  const line = 'destinations: { up: { type: forward, to: ["tcp://a", "udp://b", "tcp://c", "udp://d"] } }'
  const what = 'CONFIG_WRONG_VALUE: to: all receivers of a destination must have the same scheme'
  const at = (column: number) => `x:2:${column} ${what}\n${line}\n${'^'.padStart(column)}\n`
  expect(faultsOf('["tcp://a", "udp://b", "tcp://c", "udp://d"]')).toBe(at(54) + at(76))
})

test('a second receiver over UDP is a fault with failover, since it would never get anything', () => {
  expect(faultsOf('["udp://a", "udp://b"]')).toBe(
    'x:2:54 CONFIG_WRONG_VALUE: to: UDP has no answers, so with failover a second receiver would never be used\n' +
      `destinations: { up: { type: forward, to: ["udp://a", "udp://b"] } }\n${' '.repeat(53)}^\n`,
  )
})

test('an invalid address is reported once', () => {
  const text = faultsOf('["tcp//a", "tcp://b", "udp://c"]')
  expect(text).toContain('x:2:44 CONFIG_WRONG_VALUE: to: "tcp//a" is not an address')
  expect(text.match(/CONFIG_/g)).toHaveLength(1)
})

test('check notes `framing` where it has no effect, and only there', () => {
  const noted = (options: string) => {
    const text = `sources: { in: { type: stdin } }\ndestinations: { up: { type: forward, ${options} } }\nroutes: [{ to: [up] }]\n`
    return /note .*/.exec(summaryOf(loadText('x', text).configuration!))?.[0].replace(/ +/g, ' ')
  }
  expect(noted('to: ["relp://a"], framing: octet')).toBe(
    'note up: framing: has no effect with relp://, only with tcp:// and tls://',
  )
  expect(noted('to: ["udp://a"], framing: newline')).toContain('no effect with udp://')
  expect(noted('to: ["tls://a"], framing: newline')).toBe(undefined)
  expect(noted('to: ["relp://a"]')).toBe(undefined)
})
