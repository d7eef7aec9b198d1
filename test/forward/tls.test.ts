// Forwarding over TLS on the real network: why a receiver cannot be used is logged, and nothing is lost meanwhile.

import { copyFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { TlsKeys, TlsVerify } from '../../common/net/net.ts'
import { systemNet } from '../../common/net/system-net.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { forwardType } from '../../shipper/forward/forward-destination.ts'
import { contextOf } from '../conformance/surroundings.ts'
import { temporaryFolder } from '../end-to-end/program.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { MemorySink } from '../fake/sink.ts'
import { platformOf, serve } from '../listen/serving.ts'
import { keysOf, pathOf } from '../tls/certificates.ts'

const LOOPBACK = '127.0.0.1'

/** A TLS receiver that collects all bytes it gets. */
async function receiver(keys: TlsKeys, verify: TlsVerify = 'none') {
  const server = systemNet.tlsServer(keys, verify)
  const got = { text: '' }
  const listener = await systemNet.listen({ host: LOOPBACK, port: 0 }, (connection) => {
    server.secure(connection).then(
      (secured) =>
        secured.start({
          data: (chunk) => (got.text += chunk.toString()),
          end: () => secured.end(),
          close: () => undefined,
        }),
      () => undefined,
    )
  })
  onTestFinished(() => listener.close())
  return { port: listener.port, got, server }
}

async function forward(options: object) {
  const platform = platformOf()
  const context = contextOf('up', platform as never, '/nowhere')
  const destination: Destination = forwardType.create(
    forwardType.options.parse({ framing: 'newline', ...options }),
    context,
  )
  await destination.open()
  onTestFinished(() => destination.close(0))
  const reasons = () =>
    platform.log.lines.filter(({ values }) => 'retryMs' in values).map(({ values }) => String(values['reason']))
  return { destination, reasons, platform }
}

const of = (...messages: string[]) => batchOf(messages, originOf(), 0)
const trusting = { ca: pathOf('ca.crt') }

test('lines arrive over TLS', async () => {
  const { port, got } = await receiver(keysOf('server'))
  const { destination } = await forward({ to: [`tls://${LOOPBACK}:${port}`], tls: trusting })
  await destination.write(of('<13>1', '<13>2'))
  await expect.poll(() => got.text).toBe('<13>1\n<13>2\n')
})

test('batches arrive over RELP with TLS between two sluices, each with a certificate', async () => {
  const sink = new MemorySink()
  const listener = { cert: pathOf('server.crt'), key: pathOf('server.key'), ...trusting }
  const { port } = await serve({ listen: [`relps://${LOOPBACK}:0`], tls: listener }, sink)
  const tls = { cert: pathOf('client.crt'), key: pathOf('client.key'), ...trusting }
  const { destination } = await forward({ to: [`relps://localhost:${port}`], tls })
  await destination.write(of('<13>1', '<13>2'))
  expect(sink.texts).toEqual(['<13>1', '<13>2'])
})

test.each<['expired' | 'elsewhere' | 'stranger', RegExp]>([
  ['expired', /its certificate is refused: it has expired/],
  ['elsewhere', /its certificate is not for 127\.0\.0\.1/],
  ['stranger', /signed by an unknown ca; name its ca/],
])(
  'a receiver with a bad certificate (%s): the reason is logged, and lines are sent once it has a valid one',
  async (name, reason) => {
    const { port, got, server } = await receiver(keysOf(name))
    const { destination, reasons } = await forward({ to: [`tls://${LOOPBACK}:${port}`], tls: trusting })
    const write = destination.write(of('<13>1'))
    await expect.poll(() => reasons().length).toBeGreaterThan(1)
    expect(reasons()[0]).toMatch(reason)
    expect(got.text).toBe('')
    server.renew(keysOf('server'))
    await write
    await expect.poll(() => got.text).toBe('<13>1\n')
  },
)

test.each<'stranger' | 'expired'>(['stranger', 'expired'])(
  'a receiver that refuses the client certificate (%s) gets everything once that is replaced by a valid one',
  async (name) => {
    const folder = temporaryFolder()
    const { port, got } = await receiver(keysOf('server', 'ca'), 'required')
    const [cert, key] = [join(folder, 'us.crt'), join(folder, 'us.key')]
    const own = (of: 'client' | 'stranger' | 'expired') => {
      copyFileSync(pathOf(`${of}.crt`), cert)
      copyFileSync(pathOf(`${of}.key`), key)
    }
    own(name)
    const to = [`tls://${LOOPBACK}:${port}`]
    const { destination, reasons } = await forward({ to, tls: { ...trusting, cert, key } })
    const write = destination.write(of('<13>1', '<13>2'))
    await expect.poll(() => reasons().length).toBeGreaterThan(1)
    expect(reasons()[0]).toMatch(/may want a client certificate/)
    own('client')
    await write
    await expect.poll(() => got.text).toBe('<13>1\n<13>2\n')
  },
)

test('nothing is sent to a receiver that requires a client certificate if none is configured', async () => {
  const { port, got } = await receiver(keysOf('server', 'ca'), 'required')
  const { destination, reasons } = await forward({ to: [`tls://${LOOPBACK}:${port}`], tls: trusting })
  const settled = { is: false }
  const settle = () => void (settled.is = true)
  destination.write(of('<13>1')).then(settle, () => undefined)
  await expect.poll(() => reasons().length).toBeGreaterThan(2)
  expect(reasons()[0]).toMatch(/may want a client certificate/)
  expect([settled.is, got.text]).toEqual([false, ''])
})

test('a missing certificate file is logged, and used once it is there', async () => {
  const folder = temporaryFolder()
  const ca = join(folder, 'ca.crt')
  const { port, got } = await receiver(keysOf('server'))
  const { destination, reasons } = await forward({ to: [`tls://${LOOPBACK}:${port}`], tls: { ca } })
  const write = destination.write(of('<13>1'))
  await expect.poll(() => reasons().length).toBeGreaterThan(0)
  expect(reasons()[0]).toBe(`TLS_KEYS: ${ca} cannot be read: there is no such file`)
  copyFileSync(pathOf('ca.crt'), ca)
  await write
  await expect.poll(() => got.text).toBe('<13>1\n')
})

test('a receiver that does not speak TLS gets no message', async () => {
  let heard = ''
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      socket.end('what?\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const { destination, reasons } = await forward({ to: [`tls://${LOOPBACK}:${port}`], tls: trusting })
  const write = destination.write(of('<13>a secret'))
  write.catch(() => undefined)
  await expect.poll(() => reasons().length).toBeGreaterThan(1)
  expect(reasons()[0]).toBe('TLS_HANDSHAKE: the peer does not speak TLS on this port')
  expect(heard).not.toContain('secret')
})

test('verify: optional sends to a receiver with an invalid certificate, and logs that', async () => {
  const { port, got } = await receiver(keysOf('stranger'))
  const tls = { ...trusting, verify: 'optional' }
  const { destination, platform } = await forward({ to: [`tls://${LOOPBACK}:${port}`], tls })
  await destination.write(of('<13>1'))
  await expect.poll(() => got.text).toBe('<13>1\n')
  const line = platform.log.lines.find(({ text }) => text.includes('does not hold'))
  expect(line?.values).toMatchObject({ reason: 'it is signed by an unknown ca' })
})
