// A relay whose small disk fills up: it makes its senders wait, and continues when its receiver takes messages.

import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { daemon, freePort, until } from './program.ts'
import { smallDisk } from './small-disk.ts'

const COUNT = 200_000
const PADDING = 'x'.repeat(200)

test('the disk of a relay fills up while its receiver is down: every message arrives once and in order when it comes back', async (context) => {
  const disk = await smallDisk()
  if (disk === undefined) return context.skip('this user may neither mount nor make namespaces')
  const [relayPort, receiverPort] = [await freePort(), await freePort()]
  const relay = await daemon(
    'relay',
    `data: ${JSON.stringify(join(disk.folder, 'data'))}
sources: { in: { type: syslog, listen: ["tcp://127.0.0.1:${relayPort}"] } }
destinations: { up: { type: forward, to: ["tcp://127.0.0.1:${receiverPort}"], framing: newline } }
`,
    undefined,
    disk,
  )
  const sender = connect(relayPort, '127.0.0.1')
  for (let i = 0; i < COUNT; i += 1000) {
    const lines = Array.from({ length: 1000 }, (_, k) => `<134>Oct 11 22:14:15 host app: number ${i + k} ${PADDING}\n`)
    sender.write(lines.join(''))
  }
  sender.end()
  await until('the full disk is logged', () => relay.output().stderr.includes('too little free space'))

  const chunks: Buffer[] = []
  let bytes = 0
  const receiver = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
    })
  })
  await new Promise<void>((resolve) => receiver.listen(receiverPort, '127.0.0.1', resolve))
  onTestFinished(() => void receiver.close())
  await until('all of it has arrived', () => bytes >= COUNT * (PADDING.length + 40), 60_000)
  const numbersOf = () =>
    [
      ...Buffer.concat(chunks)
        .toString('latin1')
        .matchAll(/number (\d+) /g),
    ].map(([, i]) => Number(i))
  await until('the last one has arrived', () => numbersOf().at(-1) === COUNT - 1, 60_000)
  expect(numbersOf()).toEqual(Array.from({ length: COUNT }, (_, i) => i))
  expect(relay.output().stderr).not.toContain('dropped')
})
