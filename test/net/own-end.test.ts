// The kernel gives a socket the port that it is connected to, as it does once in a while for ports from 32768 on.

import { createServer, Socket as TcpSocket, type AddressInfo, type TcpNetConnectOpts } from 'node:net'
import { createSocket, Socket as UdpSocket } from 'node:dgram'
import { expect, onTestFinished, test, vi } from 'vitest'
import { systemNet } from '../../common/net/system-net.ts'
import { until } from './until.ts'

/** A socket whose next call of `connect` is the real one again. */
interface Connects {
  connect(...words: unknown[]): unknown
}

/** A port on which nobody listens. */
async function quietPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('TCP: a connection with itself counts as refused, and the receiver can listen on its port', async () => {
  const port = await quietPort()
  const spy = vi.spyOn(TcpSocket.prototype, 'connect')
  onTestFinished(() => spy.mockRestore())
  spy.mockImplementationOnce(function (this: Connects, ...words: unknown[]) {
    const [options] = words[0] as [TcpNetConnectOpts]
    Object.assign(options, { localAddress: '127.0.0.1', localPort: port })
    return this.connect(...words) as TcpSocket
  })
  const connected = systemNet.connect({ host: '127.0.0.1', port })
  await expect(connected).rejects.toThrow(/CONNECTION_REFUSED: 127.0.0.1:\d+: nobody listens there: .* with itself/)

  const listener = await systemNet.listen({ host: '127.0.0.1', port }, (connection) => connection.destroy())
  await listener.close()
})

test('UDP: another socket is used instead of one that is connected with itself', async () => {
  const port = await quietPort()
  const spy = vi.spyOn(UdpSocket.prototype, 'connect')
  onTestFinished(() => spy.mockRestore())
  spy.mockImplementationOnce(function (this: Connects & UdpSocket, ...words: unknown[]) {
    this.bind(port, '127.0.0.1', () => void this.connect(...words))
  })
  const lost: Error[] = []
  const sender = systemNet.datagramsTo({ host: '127.0.0.1', port }, (reason) => lost.push(reason))
  onTestFinished(() => sender.close())
  await sender.send(Buffer.from('nobody has this'))
  await until('an error', () => lost.length > 0)
  expect(lost.map(({ message }) => message)).toEqual([expect.stringContaining('ECONNREFUSED')])

  const receiver = createSocket('udp4')
  const texts: string[] = []
  receiver.on('message', (datagram) => texts.push(datagram.toString()))
  await new Promise<void>((resolve, reject) => receiver.once('error', reject).bind(port, '127.0.0.1', resolve))
  onTestFinished(() => void receiver.close())
  await sender.send(Buffer.from('this arrives'))
  await until('a datagram', () => texts.length > 0)
  expect(texts).toEqual(['this arrives'])
})
