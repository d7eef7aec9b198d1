// A UDP socket reads from its binding on, so nothing may be awaited between that and adding its first listener.

import * as dgram from 'node:dgram'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Libc } from '../../common/net/libc.ts'
import { systemNet } from '../../common/net/system-net.ts'
import { freePort } from '../end-to-end/program.ts'
import { until } from './until.ts'

const gate = vi.hoisted(() => {
  let load: () => void = () => {}
  const loaded = new Promise<undefined>((resolve) => (load = () => resolve(undefined)))
  return { loaded, load }
})

vi.mock('../../common/net/libc.ts', () => ({ libc: (): Promise<Libc | undefined> => gate.loaded }))

async function bound(port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4')
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, '127.0.0.1', resolve))
  return socket
}

test('a port is bound only after everything needed to read its datagrams is loaded', async () => {
  const port = await freePort()
  const binding = systemNet.bind({ host: '127.0.0.1', port }, 1024 * 1024)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const other = await bound(port)
  await new Promise<void>((resolve) => other.close(resolve))

  gate.load()
  const socket = await binding
  onTestFinished(() => socket.close())
  const texts: string[] = []
  const sender = await bound(0)
  onTestFinished(() => void sender.close())
  sender.send('first', port, '127.0.0.1')
  socket.start((datagram) => texts.push(datagram.toString('latin1')))
  await until('it', () => texts.length === 1)
  expect(texts).toEqual(['first'])
})
