import { describe, expect, test } from 'vitest'
import { isWithin, parseAddress, parseNetwork } from '../../common/expression/address.ts'

const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')

describe('addresses', () => {
  test.each([
    ['192.0.2.7', '00000000000000000000ffffc0000207'],
    ['0.0.0.0', '00000000000000000000ffff00000000'],
    ['::ffff:192.0.2.7', '00000000000000000000ffffc0000207'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['2001:DB8::a:b', '20010db80000000000000000000a000b'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
  ])('%s', (text, expected) => expect(hex(parseAddress(text))).toBe(expected))

  test.each([
    ...['', '1', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.-4', '1.2.3.4x', 'a.b.c.d', '1..2.3'],
    ...[
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      'g::',
      '::1.2.3',
      '1.2.3.4::',
    ],
  ])('%j is not an address', (text) => expect(parseAddress(text)).toBeUndefined())
})

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.9.9.9/8', '10.1.2.3', true],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.7/32', '192.0.2.7', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '10.0.0.1', true],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['::1', '::1', true],
    ['::1', '::2', false],
  ])('network %s contains %s: %s', (network, address, within) => {
    expect(isWithin(parseAddress(address)!, parseNetwork(network)!)).toBe(within)
  })

  test.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/x', '/8', 'host/8', '10.0.0.0/-1'])(
    '%j is not a network',
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  )
})
