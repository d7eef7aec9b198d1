import { expect, test } from 'vitest'
import { HOSTILE } from '../framing/hostile.ts'
import { referenceSplit } from '../framing/reference.ts'
import { MemorySink } from '../fake/sink.ts'
import { until } from '../net/until.ts'
import { dial, sendDatagrams, serve, tcp, udp } from './serving.ts'

const ALIVE = '\n<13>alive\n'
const sorted = (texts: readonly string[]) => [...texts].sort()

test('many hostile streams at once: nothing is lost, and no connection is closed', async () => {
  const sink = new MemorySink()
  const { port, platform } = await serve({ listen: [tcp] }, sink)
  const sockets = await Promise.all(HOSTILE.map(() => dial(port)))
  let closed = 0
  for (const socket of sockets) socket.once('close', () => (closed += 1))
  await Promise.all(
    HOSTILE.map(
      ([, stream], i) =>
        new Promise<void>((resolve) => {
          sockets[i].write(Buffer.from(stream + ALIVE, 'latin1'), () => resolve())
        }),
    ),
  )
  const canary = await dial(port)
  canary.write('<13>canary\n')
  await until('the canary', () => sink.texts.includes('<13>canary'))
  expect(closed).toBe(0)
  for (const socket of [...sockets, canary]) socket.end()
  await until('all are closed', () => closed === sockets.length)
  const expected = HOSTILE.flatMap(([, stream]) => referenceSplit(stream + ALIVE).map(({ text }) => text))
  await until('all of it', () => sink.texts.length === expected.length + 1)
  expect(sorted(sink.texts)).toEqual(sorted([...expected, '<13>canary']))
  expect(platform.log.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
})

test('hostile datagrams: each is one message, without its terminator and octet count', async () => {
  const sink = new MemorySink()
  const { port, counted } = await serve({ listen: [udp] }, sink)
  const datagrams = HOSTILE.map(([, stream]) => stream).filter((stream) => stream.length < 10_000)
  const expected = datagrams
    .map((datagram) => datagram.replace(/[\n\r\0]+$/, ''))
    .map((text) => (isCounted(text) ? text.replace(/^\d+ /, '') : text))
    .filter((text) => text !== '')
  for (const [i, datagram] of datagrams.entries()) {
    await sendDatagrams(port, [Buffer.from(datagram, 'latin1')])
    // At most as many in flight as the smallest receive buffer holds.
    if (i % 8 === 7) await sendDatagrams(port, [`<13>pause ${i}`])
    if (i % 8 === 7) await until('the pause', () => sink.texts.at(-1) === `<13>pause ${i}`)
  }
  const texts = () => sink.texts.filter((text) => !text.startsWith('<13>pause'))
  await until('all of them', () => texts().length === expected.length)
  expect(texts()).toEqual(expected)
  expect(await counted('sluice_dropped_total{reason="udp_queue_full",where="network"}')).toBe(0)
})

/** Whether a text begins with an octet count that is followed by a PRI. */
function isCounted(text: string): boolean {
  const [, count, priority] = /^(\d{1,10}) <(\d{1,3})>/.exec(text) ?? []
  return Number(count) > 0 && Number(count) <= 64 * 1024 * 1024 && Number(priority) <= 191
}
