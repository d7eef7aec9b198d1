// A RELP receiver on a simulated network, and its peers.

import { expect, onTestFinished } from 'vitest'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { systemPlatform } from '../../common/platform.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'

export const PORT = 2514
export const ID = '0123456789abcdef0123456789abcdef'

export async function serve(sink: Sink, given: Record<string, unknown> = {}, messageBytesMax = 1024 * 1024) {
  const net = new FakeNet()
  const metrics = createMetrics()
  const log = fakeLog()
  const platform = { ...systemPlatform(log, metrics), log, net, clock: new FakeClock() }
  const context = {
    ...{ name: 'network', platform, dataFolder: '/nowhere', hostName: 'h' },
    ...{ messageBytesMax, localZone: utc },
  }
  const listen = [`relp://127.0.0.1:${PORT}`]
  const source = syslogSource.create(syslogSource.options.parse({ listen, ...given }), context)
  const stop = new AbortController()
  await source.open()
  const running = source.run(sink, stop.signal)
  const finish = () => {
    stop.abort()
    return running
  }
  onTestFinished(() => void finish())
  return { net, metrics, platform, finish, dial: () => dial(net) }
}

/** Connects a sender. `got` is what it has received, and whether the connection has ended. */
export async function dial(net: FakeNet) {
  const connection: Connection = await net.connect({ host: '127.0.0.1', port: PORT })
  const got = { text: '', ended: false }
  connection.start({
    data: (chunk) => void (got.text += chunk.toString('latin1')),
    end: () => connection.end(),
    close: () => void (got.ended = true),
  })
  const send = (bytes: string | Buffer) => connection.write(Buffer.from(bytes))
  /** Waits until exactly this has been received, and clears it. */
  const expectAnswer = async (text: string) => {
    await expect.poll(() => got.text).toBe(text)
    got.text = ''
  }
  return { connection, got, send, expectAnswer }
}

export const frame = (txnr: number, command: string, data: string | Buffer = '') => {
  const bytes = Buffer.from(data)
  const head = Buffer.from(`${txnr} ${command} ${bytes.length}${bytes.length > 0 ? ' ' : ''}`)
  return Buffer.concat([head, bytes, Buffer.from('\n')])
}

export const offers = (commands: string) => `relp_version=0\nrelp_software=test\ncommands=${commands}`
export const answered = (txnr: number, commands: string) => {
  const data = `200 OK\nrelp_version=0\nrelp_software=sluice\ncommands=${commands}`
  return `${txnr} rsp ${data.length} ${data}\n`
}
export const ALL = 'syslog,batch,marks,retire'

/** Starts a receiver, and opens a session that offers these commands. */
export async function opened(sink: Sink, commands = 'syslog', messageBytesMax?: number) {
  const served = await serve(sink, {}, messageBytesMax)
  const peer = await served.dial()
  await peer.send(frame(1, 'open', offers(commands)))
  await peer.expectAnswer(answered(1, commands))
  return { ...served, ...peer }
}
