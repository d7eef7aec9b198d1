// What `check` says of a forward destination's receivers: as real types declare them, with the place of each.

import { expect, test } from 'vitest'
import { loadText } from '../../config/load.ts'

function said(to: string): string {
  return loadText('x', `sources: { in: { type: stdin } }\ndestinations: { up: { type: forward, to: ${to} } }\n`).text
}

test('several receivers over tcp and relp, and one over udp, are fine', () => {
  expect(said('["tcp://a", "tcp://b:1514"]')).toBe('')
  expect(said('["udp://a"]')).toBe('')
  for (const balance of ['failover', 'round-robin', 'hash']) {
    expect(said(`["relp://a", "relp://b"], balance: ${balance}`)).toBe('')
  }
  expect(said('["udp://a", "udp://b"], balance: hash')).toBe('')
})

test('a balance may be said before there is a second receiver', () => {
  for (const balance of ['failover', 'round-robin', 'hash']) expect(said(`["tcp://a"], balance: ${balance}`)).toBe('')
  expect(said('["udp://a"], balance: failover')).toBe('')
})

test('an unknown balance gets a suggestion', () => {
  expect(said('["tcp://a", "tcp://b"], balance: roundrobin')).toContain(
    'CONFIG_WRONG_VALUE: balance: "roundrobin" is not one of failover, round-robin or hash; did you mean "round-robin"?\n',
  )
  expect(said('["tcp://a", "tcp://b"], balance: ""')).toContain('is not one of failover, round-robin or hash')
  expect(said('["tcp://a", "tcp://b"], balance: 1')).toContain('1 is not one of failover, round-robin or hash')
})

test('tcp and udp together are a fault, at each that is not like the first', () => {
  const line = 'destinations: { up: { type: forward, to: ["tcp://a", "udp://b", "tcp://c", "udp://d"] } }'
  const what = 'CONFIG_WRONG_VALUE: to: all receivers of a destination must have the same scheme'
  const at = (column: number) => `x:2:${column} ${what}\n${line}\n${'^'.padStart(column)}\n`
  expect(said('["tcp://a", "udp://b", "tcp://c", "udp://d"]')).toBe(at(54) + at(76))
})

test('a second receiver over udp is a fault: it would never get anything', () => {
  expect(said('["udp://a", "udp://b"]')).toBe(
    'x:2:54 CONFIG_WRONG_VALUE: to: UDP has no answers, so with failover a second receiver would never be used\n' +
      `destinations: { up: { type: forward, to: ["udp://a", "udp://b"] } }\n${' '.repeat(53)}^\n`,
  )
})

test('an address that is none is said once', () => {
  const text = said('["tcp//a", "tcp://b", "udp://c"]')
  expect(text).toContain('x:2:44 CONFIG_WRONG_VALUE: to: "tcp//a" is not an address')
  expect(text.match(/CONFIG_/g)).toHaveLength(1)
})
