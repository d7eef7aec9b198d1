import { networkInterfaces } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import type { Connection, Listener } from '../../common/net/net.ts'
import { systemNet } from '../../common/net/system-net.ts'

const opened: { close(): Promise<void> }[] = []
const connections: Connection[] = []
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy()
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

const ipv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

async function peersOf(host: string, from: string): Promise<string> {
  const peers: string[] = []
  const listener: Listener = await systemNet.listen({ host, port: 0 }, (connection) => {
    connections.push(connection)
    peers.push(connection.peer.host)
  })
  opened.push(listener)
  connections.push(await systemNet.connect({ host: from, port: listener.port }))
  await expect.poll(() => peers).toHaveLength(1)
  return peers[0]
}

test('an IPv4 peer has its IPv4 address, also on a dual-stack socket', async () => {
  expect(await peersOf('0.0.0.0', '127.0.0.1')).toBe('127.0.0.1')
  if (ipv6) expect(await peersOf('::', '127.0.0.1')).toBe('127.0.0.1')
})

test.skipIf(!ipv6)('an IPv6 peer has its IPv6 address', async () => {
  expect(await peersOf('::1', '::1')).toBe('::1')
})

test.skipIf(process.getuid?.() === 0)('a port below 1024 is forbidden to users', async () => {
  await expect(systemNet.listen({ host: '127.0.0.1', port: 1 }, () => {})).rejects.toMatchObject({
    code: 'PORT_FORBIDDEN',
  })
})

test('datagrams received before `start` are not lost, and are delivered first', async () => {
  const receiver = await systemNet.bind({ host: '127.0.0.1', port: 0 })
  const sender = systemNet.datagramsTo({ host: '127.0.0.1', port: receiver.port }, () => {})
  opened.push(receiver, sender)
  await sender.send(Buffer.from('early'))
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  const got: string[] = []
  const ports = new Set<number>()
  receiver.start((datagram, host, port) => {
    got.push(`${datagram.toString()} ${host}`)
    ports.add(port)
  })
  await sender.send(Buffer.from('late'))
  await expect.poll(() => got).toEqual(['early 127.0.0.1', 'late 127.0.0.1'])
  expect(ports.size).toBe(1)
})
