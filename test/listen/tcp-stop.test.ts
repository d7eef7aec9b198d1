// What a stop of the TCP listener does to connections and to what was sent over them.

import * as net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { READ_OUT_QUIET_MS } from '../../common/limits.ts'
import { MemorySink } from '../fake/sink.ts'
import { until } from '../net/until.ts'
import { dial, LOOPBACK, platformOf, serve, sourceOf, tcp } from './serving.ts'

test('open connections do not delay it; their incomplete frames are emitted', async () => {
  const sink = new MemorySink()
  const { port, stop } = await serve({ listen: [tcp] }, sink)
  const socket = await dial(port)
  socket.write('<13>a\n<13>half')
  await until('the first', () => sink.texts.length === 1)
  await stop()
  expect(sink.texts).toEqual(['<13>a', '<13>half'])
  await until('the sender knows', () => socket.destroyed)
  const again = net.connect(port, LOOPBACK)
  await new Promise((resolve) => again.once('error', resolve))
})

test('senders see the end of the connection, and everything that they sent until then is read', async () => {
  const sink = new MemorySink()
  // It stands still: however long a busy machine takes for it, nobody is cut off.
  const clock = { ...systemClock, monotonicMs: () => 0 }
  const { port, stop } = await serve({ listen: [tcp] }, sink, { clock })
  const socket = await dial(port)
  let isOver = false
  socket.once('end', () => (isOver = true))
  let sent = 0
  const sending = (async () => {
    while (!isOver) {
      const block = Array.from({ length: 100 }, (_, i) => `<13>${sent + i}\n`).join('')
      await new Promise<void>((resolve, reject) => {
        socket.write(block, (error) => (error ? reject(error) : resolve()))
      })
      sent += 100
    }
  })()
  await until('some', () => sink.texts.length > 10_000)
  await stop()
  await sending
  expect(sink.texts.length).toBe(sent)
  expect(sink.texts.every((text, i) => text === `<13>${i}`)).toBe(true)
})

test('connections that have not been accepted yet are read too', async () => {
  const sink = new MemorySink()
  const { port, stop } = await serve({ listen: [tcp] }, sink)
  const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(port)))
  for (const socket of sockets) socket.end('<13>a\n')
  await stop()
  expect(sink.texts).toHaveLength(50)
})

test('where this process stands still, that is no silence of senders', async () => {
  const sink = new MemorySink()
  const { port, stop } = await serve({ listen: [tcp] }, sink)
  // It goes on after it was told the end.
  const socket = net.connect({ port, host: LOOPBACK, allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  socket.write('<13>before\n')
  await until('the first', () => sink.texts.length === 1)
  const told = new Promise((resolve) => socket.resume().once('end', resolve))
  const stopped = stop()
  await told
  socket.write('<13>after\n')
  const goOn = Date.now() + 2 * READ_OUT_QUIET_MS
  while (Date.now() < goOn);
  await stopped
  expect(sink.texts).toEqual(['<13>before', '<13>after'])
})

test('with a signal that is aborted before the start, it ends at once', async () => {
  const source = sourceOf({ listen: [tcp] })
  await source.open()
  await source.run(new MemorySink(), AbortSignal.abort())
})

test('if a port is taken, the ports opened before it are freed', async () => {
  const { port } = await serve({ listen: [tcp] }, new MemorySink())
  const platform = platformOf()
  const source = sourceOf({ listen: [tcp, `tcp://${LOOPBACK}:${port}`] }, platform)
  await expect(source.open()).rejects.toMatchObject({ code: 'PORT_TAKEN' })
  const first = Number(platform.log.lines.find(({ text }) => text === 'listening')!.values['port'])
  await serve({ listen: [`tcp://${LOOPBACK}:${first}`] }, new MemorySink())
})
