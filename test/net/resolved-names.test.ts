// Names of receivers: for datagrams they are looked up once a minute, for connections at each attempt.

import * as dgram from 'node:dgram'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { errnoOf } from '../../common/fault.ts'
import { systemNet } from '../../common/net/system-net.ts'
import { freePort } from '../end-to-end/program.ts'

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
  const sender = systemNet.datagramsTo({ host: 'logs.example.org', port: receiver.port }, () => {})
  onTestFinished(() => Promise.all([receiver.close(), sender.close()]).then(() => {}))
  const texts: string[] = []
  receiver.start((datagram) => texts.push(datagram.toString()))
  names.answer = away
  await expect(sender.send(Buffer.from('0'))).rejects.toThrow('no name server')
  names.answer = present
  await sender.send(Buffer.from('1'))
  names.answer = away
  minuteLater()
  await sender.send(Buffer.from('2'))
  await sender.send(Buffer.from('3'))
  // Away: it is not asked again for each datagram.
  expect(names.asked).toBe(3)
  await expect.poll(() => texts).toEqual(['1', '2', '3'])
})

test('a name server that is silent holds up nothing for longer than a second, and its late answer counts', async () => {
  const port = await freePort()
  const first = await systemNet.bind({ host: '127.0.0.1', port })
  const second = await systemNet.bind({ host: '127.0.0.2', port })
  const sender = systemNet.datagramsTo({ host: 'logs.example.org', port }, () => {})
  onTestFinished(() => Promise.all([first, second, sender].map((socket) => socket.close())).then(() => {}))
  const texts: string[] = []
  first.start((datagram) => texts.push(`first: ${datagram.toString()}`))
  second.start((datagram) => texts.push(`second: ${datagram.toString()}`))
  await sender.send(Buffer.from('1'))
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
  await sender.send(Buffer.from('2'))
  await sender.send(Buffer.from('3'))
  expect([waits, names.asked]).toEqual([[1_000], 2])
  answer(names.addresses('127.0.0.2'))
  await Promise.resolve()
  await sender.send(Buffer.from('4'))
  await expect.poll(() => texts).toEqual(['first: 1', 'first: 2', 'first: 3', 'second: 4'])
})

/** A receiver on this address, and what it heard; `close` where it goes away. Its port stays its own until another comes. */
async function receiving(host: string, port?: number) {
  const socket = await systemNet.bind({ host, port: port ?? (await freePort()) })
  const texts: string[] = []
  socket.start((datagram) => texts.push(datagram.toString()))
  return { port: socket.port, texts, close: () => socket.close() }
}

/** Sends to a name with these addresses, and keeps what is said to be lost. */
function sendingTo(port: number, ...addresses: string[]) {
  names.answer = () => Promise.resolve(addresses.flatMap(names.addresses))
  const lost: (string | undefined)[] = []
  const sender = systemNet.datagramsTo({ host: 'logs.example.org', port }, (error) => lost.push(errnoOf(error)))
  onTestFinished(() => sender.close())
  return { lost, send: (text: string) => sender.send(Buffer.from(text)) }
}

test('datagrams go to the first address that does not refuse, from the first datagram on', async () => {
  const receiver = await receiving('127.0.0.1')
  onTestFinished(receiver.close)
  const { lost, send } = sendingTo(receiver.port, '127.0.0.2', '127.0.0.3', '127.0.0.1')
  for (let i = 0; i < 100; i += 1) await send(`${i}`)
  await expect.poll(() => receiver.texts).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
  // It stays there when the name is looked up again.
  minuteLater()
  await send('later')
  await expect.poll(() => receiver.texts.at(-1)).toBe('later')
  expect(lost).toEqual([])
})

test('where the receiver of an address goes away, the next address is sent to; what did not arrive is told of', async () => {
  const first = await receiving('127.0.0.1')
  const second = await receiving('127.0.0.2', first.port)
  onTestFinished(second.close)
  const { lost, send } = sendingTo(first.port, '127.0.0.1', '127.0.0.2')
  await send('1')
  await send('2')
  await expect.poll(() => first.texts).toEqual(['1', '2'])
  await first.close()
  for (let i = 3; i < 100; i += 1) await send(`${i}`)
  await expect.poll(() => second.texts.at(-1)).toBe('99')
  // Of the kernel's own addresses it speaks of each; of the first at once, where it is not busy.
  expect(new Set(lost)).toEqual(new Set(['ECONNREFUSED']))
  expect(lost.length).toBeLessThan(10)
  expect(second.texts.length + lost.length).toBe(97)
})

test('where an address cannot be reached from this machine, the next one is sent to; if none can be, that is the error', async () => {
  const receiver = await receiving('127.0.0.1')
  onTestFinished(receiver.close)
  // Nobody may send to the broadcast address who has not asked for it: the kernel says EACCES, as it says ENETUNREACH without a route.
  const { lost, send } = sendingTo(receiver.port, '255.255.255.255', '127.0.0.1')
  await send('1')
  await send('2')
  await expect.poll(() => receiver.texts).toEqual(['1', '2'])
  expect(lost).toEqual([])
  const none = sendingTo(receiver.port, '255.255.255.255', '255.255.255.255')
  await expect(none.send('3')).rejects.toMatchObject({ code: 'EACCES' })
})

test('an only address is sent to though nobody listens, and what did not arrive is told of; a listener that comes gets all', async () => {
  const gone = await receiving('127.0.0.1')
  await gone.close()
  const { lost, send } = sendingTo(gone.port, '127.0.0.1')
  for (let i = 0; i < 10; i += 1) await send(`${i}`)
  await expect.poll(() => lost).toEqual(Array<string>(10).fill('ECONNREFUSED'))
  const back = await receiving('127.0.0.1', gone.port)
  onTestFinished(back.close)
  for (let i = 0; i < 10; i += 1) await send(`${i}`)
  await expect.poll(() => back.texts).toHaveLength(10)
  expect(lost).toHaveLength(10)
})

test('where no new socket can be had, the one that there is goes on; one that leads elsewhere does not', async () => {
  const receiver = await receiving('127.0.0.1')
  onTestFinished(receiver.close)
  const { lost, send } = sendingTo(receiver.port, '127.0.0.1')
  await send('1')
  const noDescriptor = Object.assign(new Error('bind EMFILE'), { code: 'EMFILE' })
  const connect = vi.spyOn(dgram.Socket.prototype, 'connect').mockImplementation(function (this: dgram.Socket) {
    queueMicrotask(() => this.emit('error', noDescriptor))
  })
  onTestFinished(() => connect.mockRestore())
  minuteLater()
  await send('2')
  expect(connect).toHaveBeenCalledOnce()
  await expect.poll(() => receiver.texts).toEqual(['1', '2'])
  names.answer = () => Promise.resolve(names.addresses('127.0.0.2'))
  const now = performance.now()
  vi.spyOn(performance, 'now').mockReturnValue(now + 61_000)
  await expect(send('3')).rejects.toMatchObject({ code: 'EMFILE' })
  await expect(send('3')).rejects.toMatchObject({ code: 'EMFILE' })
  expect([receiver.texts, lost]).toEqual([['1', '2'], []])
})

test('where all addresses refuse, each datagram is refused, told of or both; nobody waits', async () => {
  const gone = await receiving('127.0.0.1')
  await gone.close()
  const { lost, send } = sendingTo(gone.port, '127.0.0.1', '127.0.0.2')
  let refused = 0
  const startMs = Date.now()
  for (let i = 0; i < 200; i += 1) await send(`${i}`).catch(() => (refused += 1))
  // A second for each would be minutes.
  expect(Date.now() - startMs).toBeLessThan(30_000)
  await expect.poll(() => lost.length + refused).toBe(200)
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
