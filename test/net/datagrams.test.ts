// Receiving datagrams: one by one through Node, or many with one system call if koffi and this version of Node allow it.

import * as dgram from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { DatagramSocket } from '../../common/net/net.ts'
import { SocketAddresses } from '../../common/net/socket-addresses.ts'
import { systemNet } from '../../common/net/system-net.ts'
import { until } from './until.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'))

interface Heard {
  readonly socket: DatagramSocket
  /** `host port text` of each datagram, in the order of arrival. */
  readonly texts: string[]
}

async function listening(host = '127.0.0.1'): Promise<Heard> {
  const socket = await systemNet.bind({ host, port: 0 }, 4 * 1024 * 1024)
  onTestFinished(() => socket.close())
  const texts: string[] = []
  socket.start((datagram, from, port) => texts.push(`${from} ${port} ${datagram.toString('latin1')}`))
  return { socket, texts }
}

async function sender(type: 'udp4' | 'udp6', to: number) {
  const socket = dgram.createSocket(type)
  onTestFinished(() => void socket.close())
  await new Promise<void>((resolve) => socket.bind(0, resolve))
  const host = type === 'udp4' ? '127.0.0.1' : '::1'
  const one = (text: string) =>
    new Promise<void>((resolve, reject) => {
      socket.send(Buffer.from(text, 'latin1'), to, host, (error) => (error ? reject(error) : resolve()))
    })
  return {
    port: socket.address().port,
    send: (texts: readonly string[]) => Promise.all(texts.map(one)),
  }
}

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `<13>message ${from + i}`)

// All other tests must also pass without koffi. CI has it.
test.runIf(process.env['SLUICE_REQUIRE_PEERS'])('many datagrams are read with one system call', async () => {
  const { socket } = await listening()
  expect(socket.readsMany).toBe(true)
})

test('bursts, single datagrams and silence in between: all are received once, in order', async () => {
  const { socket, texts } = await listening()
  const { port, send } = await sender('udp4', socket.port)
  const sent: string[] = []
  for (const count of [1, 700, 1, 1, 300, 2000, 1]) {
    const burst = numbered(count, sent.length)
    sent.push(...burst)
    await send(burst)
    await until('the burst', () => texts.length === sent.length)
    // Longer than it takes until Node reads the socket again.
    if (count !== 300) await new Promise((resolve) => setTimeout(resolve, 60))
  }
  expect(texts).toEqual(sent.map((text) => `127.0.0.1 ${port} ${text}`))
})

test('before `start`, datagrams beyond the limit stay in the kernel: all are received, in order', async () => {
  const socket = await systemNet.bind({ host: '127.0.0.1', port: 0 }, 4 * 1024 * 1024)
  onTestFinished(() => socket.close())
  const { port, send } = await sender('udp4', socket.port)
  // The last hundred fit into the smallest receive buffer.
  const sent = numbered(4096 + 100)
  for (let i = 0; i < sent.length; i += 64) {
    await send(sent.slice(i, i + 64))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  const texts: string[] = []
  socket.start((datagram, from, port) => texts.push(`${from} ${port} ${datagram.toString('latin1')}`))
  await until('all', () => texts.length === sent.length)
  expect(texts).toEqual(sent.map((text) => `127.0.0.1 ${port} ${text}`))
  await send(['<13>later'])
  await until('one more', () => texts.length === sent.length + 1)
})

test('empty datagrams and the largest ones are received unchanged and in order', async () => {
  const { socket, texts } = await listening()
  const { port, send } = await sender('udp4', socket.port)
  const sent = ['first', '', 'x'.repeat(65_507), 'y'.repeat(2049), '', '\0\xff\n', 'z'.repeat(65_507), 'last']
  await send(sent)
  await until('the last', () => texts.length === sent.length)
  expect(texts).toEqual(sent.map((text) => `127.0.0.1 ${port} ${text}`))
})

test.runIf(hasIpv6)('a dual-stack socket reports the right sender of each datagram', async () => {
  const { socket, texts } = await listening('::')
  const four = await sender('udp4', socket.port)
  const six = await sender('udp6', socket.port)
  await Promise.all([four.send(numbered(200)), six.send(numbered(200))])
  await until('both', () => texts.length === 400)
  const of = (host: string, port: number) => texts.filter((text) => text.startsWith(`${host} ${port} `))
  expect(of('127.0.0.1', four.port)).toHaveLength(200)
  expect(of('::1', six.port)).toHaveLength(200)
})

test('`refuse` delivers what the kernel has queued at once, also during a burst', async () => {
  const { socket, texts } = await listening()
  const { send } = await sender('udp4', socket.port)
  await send(numbered(300))
  await until('the burst has begun', () => texts.length > 0)
  await send(numbered(100, 300))
  socket.refuse()
  await until('all', () => texts.length === 400)
  expect(texts.at(-1)).toMatch(/message 399$/)
})

describe('addresses in the form of the kernel', () => {
  const hostOf = (hex: string) => {
    const names = Buffer.alloc(64)
    Buffer.from(hex.replaceAll(' ', ''), 'hex').copy(names, 32)
    const addresses = new SocketAddresses(names, 32)
    return `${addresses.host(1)} ${addresses.port(1)}`
  }

  test('IPv4', () => {
    expect(hostOf('0200 0202 c0000207')).toBe('192.0.2.7 514')
    expect(hostOf('0200 ffff 00000000')).toBe('0.0.0.0 65535')
    expect(hostOf('0200 0001 ffffffff')).toBe('255.255.255.255 1')
  })

  test('IPv6 is formatted as in RFC 5952: the longest run of zeros is compressed, letters are small', () => {
    const six = (address: string, scope = '00000000') => hostOf(`0a00 158a 00000000 ${address} ${scope}`)
    expect(six('20010db8 00000000 00010000 00000001')).toBe('2001:db8::1:0:0:1 5514')
    expect(six('20010db8 00010001 00010001 00000001')).toBe('2001:db8:1:1:1:1:0:1 5514')
    expect(six('00000000 00000000 00000000 00000001')).toBe('::1 5514')
    expect(six('ABCDEF01 23456789 ABCDEF01 23456789')).toBe('abcd:ef01:2345:6789:abcd:ef01:2345:6789 5514')
    expect(six('fe800000 00000000 00000000 00000001', 'ffffff00')).toBe('fe80::1%16777215 5514')
  })

  test('an IPv4-mapped IPv6 address is formatted as IPv4', () => {
    expect(hostOf('0a00 158a 00000000 00000000 00000000 0000ffff 0a000001 00000000')).toBe('10.0.0.1 5514')
  })

  test('two consecutive addresses are told apart', () => {
    const names = Buffer.alloc(64)
    names.set([2, 0, 0, 1, 10, 0, 0, 1], 0)
    names.set([2, 0, 0, 2, 10, 0, 0, 2], 32)
    const addresses = new SocketAddresses(names, 32)
    expect([0, 1, 0].map((i) => addresses.host(i))).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.1'])
  })
})
