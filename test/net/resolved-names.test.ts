// Names of receivers: for datagrams they are looked up once a minute, for connections at each attempt.

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { systemNet } from '../../common/net/system-net.ts'

const { names } = vi.hoisted(() => {
  const addresses = (address: string) => [{ address, family: 4 }]
  const names = {
    answer: () => Promise.resolve(addresses('127.0.0.1')),
    asked: 0,
    addresses,
  }
  return { names }
})
vi.mock('../../common/net/resolve.ts', () => ({
  resolve: () => {
    names.asked += 1
    return names.answer()
  },
}))

const present = () => Promise.resolve(names.addresses('127.0.0.1'))
const away = () => Promise.reject(new Error('no name server'))

beforeEach(() => {
  names.asked = 0
  names.answer = present
})

function minuteLater(): void {
  const later = performance.now() + 61_000
  const now = vi.spyOn(performance, 'now').mockReturnValue(later)
  onTestFinished(() => now.mockRestore())
}

test('a name server that is away costs no datagram to a receiver whose address was known', async () => {
  const receiver = await systemNet.bind({ host: '127.0.0.1', port: 0 })
  const sender = await systemNet.bind(undefined)
  onTestFinished(() => Promise.all([receiver.close(), sender.close()]).then(() => {}))
  const texts: string[] = []
  receiver.start((datagram) => texts.push(datagram.toString()))
  const to = { host: 'logs.example.org', port: receiver.port }
  names.answer = away
  await expect(sender.send(Buffer.from('0'), to)).rejects.toThrow('no name server')
  names.answer = present
  await sender.send(Buffer.from('1'), to)
  names.answer = away
  minuteLater()
  await sender.send(Buffer.from('2'), to)
  await sender.send(Buffer.from('3'), to)
  // Away: it is not asked again for each datagram.
  expect(names.asked).toBe(3)
  await vi.waitFor(() => expect(texts).toEqual(['1', '2', '3']))
})

test('a name server that is silent holds up nothing for longer than a second, and its late answer counts', async () => {
  const [first, second] = [
    await systemNet.bind({ host: '127.0.0.1', port: 0 }),
    await systemNet.bind({ host: '127.0.0.2', port: 0 }),
  ]
  const sender = await systemNet.bind(undefined)
  onTestFinished(() => Promise.all([first, second, sender].map((socket) => socket.close())).then(() => {}))
  const texts: string[] = []
  first.start((datagram) => texts.push(`first: ${datagram.toString()}`))
  second.start((datagram) => texts.push(`second: ${datagram.toString()}`))
  await sender.send(Buffer.from('1'), { host: 'logs.example.org', port: first.port })
  minuteLater()
  let answer: (found: { address: string; family: number }[]) => void = () => {}
  names.answer = () => new Promise((resolve) => (answer = resolve))
  const waits: number[] = []
  const after = vi.spyOn(systemClock, 'after').mockImplementation((ms, call) => {
    waits.push(ms)
    setImmediate(call)
    return () => {}
  })
  onTestFinished(() => after.mockRestore())
  await sender.send(Buffer.from('2'), { host: 'logs.example.org', port: first.port })
  await sender.send(Buffer.from('3'), { host: 'logs.example.org', port: first.port })
  expect([waits, names.asked]).toEqual([[1_000], 2])
  answer(names.addresses('127.0.0.2'))
  await Promise.resolve()
  await sender.send(Buffer.from('4'), { host: 'logs.example.org', port: second.port })
  await vi.waitFor(() => expect(texts).toEqual(['first: 1', 'first: 2', 'first: 3', 'second: 4']))
})

test('where connections were of no use, another address of the name is tried first', async () => {
  const listener = await systemNet.listen({ host: '0.0.0.0', port: 0 }, (connection) => connection.destroy())
  onTestFinished(() => listener.close())
  names.answer = () => Promise.resolve([...names.addresses('127.0.0.1'), ...names.addresses('127.0.0.2')])
  const peers: string[] = []
  for (const turn of [undefined, 0, 1, 2]) {
    const connection = await systemNet.connect({ host: 'logs.example.org', port: listener.port }, undefined, turn)
    peers.push(connection.peer.host)
    connection.destroy()
  }
  expect(peers).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.1'])
})
