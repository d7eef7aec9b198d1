// Names of receivers of datagrams: looked up once a minute.

import { expect, onTestFinished, test, vi } from 'vitest'
import { systemNet } from '../../common/net/system-net.ts'

const names = vi.hoisted(() => ({ isAway: false, asked: 0 }))
vi.mock('../../common/net/resolve.ts', () => ({
  resolve: () => {
    names.asked += 1
    return names.isAway
      ? Promise.reject(new Error('no name server'))
      : Promise.resolve([{ address: '127.0.0.1', family: 4 }])
  },
}))

test('a name server that is away costs no datagram to a receiver whose address was known', async () => {
  const receiver = await systemNet.bind({ host: '127.0.0.1', port: 0 })
  const sender = await systemNet.bind(undefined)
  onTestFinished(() => Promise.all([receiver.close(), sender.close()]).then(() => {}))
  const texts: string[] = []
  receiver.start((datagram) => texts.push(datagram.toString()))
  const to = { host: 'logs.example.org', port: receiver.port }
  names.isAway = true
  await expect(sender.send(Buffer.from('0'), to)).rejects.toThrow('no name server')
  names.isAway = false
  await sender.send(Buffer.from('1'), to)
  names.isAway = true
  const later = performance.now() + 61_000
  vi.spyOn(performance, 'now').mockReturnValue(later)
  await sender.send(Buffer.from('2'), to)
  await sender.send(Buffer.from('3'), to)
  // Away: it is not asked again for each datagram.
  expect(names.asked).toBe(3)
  vi.restoreAllMocks()
  await vi.waitFor(() => expect(texts).toEqual(['1', '2', '3']))
})
