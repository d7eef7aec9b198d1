import { syslogSource } from '../../collector/listen/syslog-source.ts'
import type { Connection } from '../../common/net/net.ts'
import { conformsAsSource, type SourceSubject } from './source.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

const HOST = '127.0.0.1'
const PORT = 514

function subject(scheme: string) {
  const platform = suitePlatform()
  const options = syslogSource.options.parse({ listen: [`${scheme}://${HOST}:${PORT}`], zone: 'UTC' })
  return { platform, source: syslogSource.create(options, contextOf('network', platform, '/nowhere')) }
}

function overUdp(): Promise<SourceSubject> {
  const { platform, source } = subject('udp')
  const send = async (texts: readonly string[]) => {
    const sender = platform.net.datagramsTo({ host: HOST, port: PORT })
    for (const text of texts) await sender.send(Buffer.from(text))
    await sender.close()
  }
  return Promise.resolve({ source, platform, send })
}

function overTcp(framed: (text: string) => string): Promise<SourceSubject> {
  const { platform, source } = subject('tcp')
  let connection: Connection | undefined
  const send = async (texts: readonly string[]) => {
    if (!connection) {
      connection = await platform.net.connect({ host: HOST, port: PORT })
      connection.start({ data() {}, end() {}, close() {} })
    }
    for (const text of texts) await connection.write(Buffer.from(framed(text)))
  }
  return Promise.resolve({ source, platform, send })
}

conformsAsSource('syslog over udp', { make: overUdp, afterRejection: 'counted', sender: 'goes on, drops' })
conformsAsSource('syslog over tcp, newlines', {
  make: () => overTcp((text) => `${text}\n`),
  afterRejection: 'counted',
  sender: 'waits',
})
conformsAsSource('syslog over tcp, octet counting', {
  make: () => overTcp((text) => `${text.length} ${text}`),
  afterRejection: 'counted',
  sender: 'waits',
})
