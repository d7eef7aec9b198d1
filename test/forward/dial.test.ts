// SRV records at each connect: their targets in turn, and what has changed since.

import { expect, test, vi } from 'vitest'
import { Fault } from '../../common/fault.ts'
import type { Endpoint, TlsGreeting } from '../../common/net/net.ts'
import { nameOf, plainDial, serviceDial, tlsDial } from '../../shipper/forward/dial.ts'
import { FakeNet } from '../fake/net.ts'
import { platformOf } from '../listen/serving.ts'

const SERVICE = '_relp._tcp.example.net'
const service = (host: string, port: number, priority: number) => ({ host, port, priority, weight: 1 })
const never = new AbortController().signal

function surroundings() {
  const net = new FakeNet()
  const platform = { ...platformOf(), net }
  const tried: string[] = []
  const dial = serviceDial(
    SERVICE,
    (to: Endpoint) => (signal, turn) => {
      tried.push(nameOf(to))
      return plainDial(to, platform)(signal, turn)
    },
    platform,
  )
  const listen = (port: number) => net.listen({ host: '0.0.0.0', port }, () => {})
  return { net, platform, dial, tried, listen }
}

test('targets are tried by priority until one answers', async () => {
  const { net, dial, tried, listen } = surroundings()
  net.records.set(SERVICE, [service('c', 3, 30), service('a', 1, 10), service('b', 2, 20)])
  await listen(2)
  const connection = await dial(never, 0)
  expect(connection.peer).toMatchObject({ host: 'b', port: 2 })
  expect(tried).toEqual(['a:1', 'b:2'])
})

test('where connections were of no use, other targets are tried first', async () => {
  const { net, dial, tried, listen } = surroundings()
  net.records.set(SERVICE, [service('a', 1, 10), service('b', 2, 20), service('c', 3, 30)])
  for (const port of [1, 2, 3]) await listen(port)
  for (const turn of [0, 1, 2, 3]) await dial(never, turn)
  expect(tried).toEqual(['a:1', 'b:2', 'c:3', 'a:1'])
})

test('records are asked for at each connect', async () => {
  const { net, dial, listen } = surroundings()
  net.records.set(SERVICE, [service('old', 1, 0)])
  const old = await listen(1)
  expect((await dial(never, 0)).peer.host).toBe('old')
  await old.close()
  await listen(2)
  net.records.set(SERVICE, [service('new', 2, 0)])
  expect((await dial(never, 0)).peer.host).toBe('new')
})

test('where nobody answers, the last one says why', async () => {
  const { net, dial, tried } = surroundings()
  net.records.set(SERVICE, [service('a', 1, 0), service('b', 2, 1)])
  await expect(dial(never, 0)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED', detail: 'b:2' })
  expect(tried).toHaveLength(2)
})

test('without records nobody is tried', async () => {
  const { dial, tried } = surroundings()
  await expect(dial(never, 0)).rejects.toBeInstanceOf(Fault)
  expect(tried).toEqual([])
})

// RFC 6125 §6.2.1: what a certificate has to name is what the user has named, and not what an unsecured DNS made of it.
test('under TLS a receiver shows a certificate of the name that `to` has; of a target of SRV records only below it', async () => {
  const { net, platform, listen } = surroundings()
  await listen(1)
  const secureTo = vi.spyOn(net, 'secureTo')
  const dialTo = (domain?: string) => (to: Endpoint) => tlsDial('up', to, { verify: 'required' }, platform, domain)
  const targets = ['logs-a.example.net.', 'LOGS.Example.Net', 'example.net', 'logs.attacker.org', 'notexample.net']
  for (const target of targets) {
    net.records.set(SERVICE, [service(target, 1, 0)])
    await serviceDial(SERVICE, dialTo('Example.net'), platform)(never, 0)
  }
  await dialTo()({ host: 'logs.example.net', port: 1 })(never, 0)
  const greetings = secureTo.mock.calls.map((call) => (call as unknown[])[1] as TlsGreeting)
  expect(greetings.map(({ serverName, orName }) => [serverName, orName])).toEqual([
    ['logs-a.example.net', 'example.net'],
    ['logs.example.net', 'example.net'],
    ['example.net', undefined],
    ['example.net', undefined],
    ['example.net', undefined],
    ['logs.example.net', undefined],
  ])
})

test('where a handshake fails, another address of the name is tried first', async () => {
  const { net, platform, listen } = surroundings()
  await listen(1)
  const connect = vi.spyOn(net, 'connect')
  const secureTo = vi.spyOn(net, 'secureTo').mockRejectedValue(new Fault('TLS_HANDSHAKE', 'no', { retryable: true }))
  const dial = tlsDial('up', { host: 'logs', port: 1 }, { verify: 'required' }, platform)
  for (let i = 0; i < 2; i += 1) await expect(dial(never, 0)).rejects.toMatchObject({ code: 'TLS_HANDSHAKE' })
  secureTo.mockRestore()
  for (let i = 0; i < 2; i += 1) await dial(never, 0)
  expect(connect.mock.calls.map((call) => (call as unknown[])[2])).toEqual([0, 1, 2, 0])
})

test('a stop ends the round', async () => {
  const { net, dial, tried } = surroundings()
  net.records.set(SERVICE, [service('a', 1, 0), service('b', 2, 1)])
  const stop = new AbortController()
  stop.abort()
  await expect(dial(stop.signal, 0)).rejects.toBeInstanceOf(Fault)
  expect(tried).toEqual(['a:1'])
})

test('a receiver by SRV records is called by their name, and an IPv6 address is in brackets', () => {
  expect(nameOf({ host: 'example.net', port: 2514, service: SERVICE })).toBe(SERVICE)
  expect(nameOf({ host: 'logs', port: 514 })).toBe('logs:514')
  expect(nameOf({ host: '::1', port: 514 })).toBe('[::1]:514')
})
