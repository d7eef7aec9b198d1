import { forwardType } from '../../shipper/forward/forward-destination.ts'
import { bodyOf, countedFrames, escaped, linesIn } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { contextOf, suitePlatform, type SuitePlatform } from './surroundings.ts'

async function subject(options: object, platform: SuitePlatform, output: () => string[][]): Promise<SinkSubject> {
  const sink = forwardType.create(forwardType.options.parse(options), contextOf('up', platform, '/nowhere'))
  await sink.open()
  return { sink, close: (ms) => sink.close(ms), output: () => Promise.resolve(output().map((all) => all.map(bodyOf))) }
}

async function overTcp(framing: 'octet' | 'newline'): Promise<SinkSubject> {
  const platform = suitePlatform()
  const chunks: Buffer[] = []
  const { port } = await platform.net.listen({ host: '127.0.0.1', port: 0 }, (connection) => {
    const data = (chunk: Buffer) => void chunks.push(Buffer.from(chunk))
    connection.start({ data, end: () => connection.end(), close: () => {} })
  })
  const frames = framing === 'octet' ? countedFrames : linesIn
  return subject({ to: [`tcp://127.0.0.1:${port}`], framing }, platform, () => [frames(Buffer.concat(chunks))])
}

async function overUdp(): Promise<SinkSubject> {
  const platform = suitePlatform()
  const socket = await platform.net.bind({ host: '127.0.0.1', port: 0 })
  const datagrams: string[] = []
  socket.start((datagram) => void datagrams.push(datagram.toString('latin1')))
  return subject({ to: [`udp://127.0.0.1:${socket.port}`] }, platform, () => [datagrams])
}

/** A forward that can deliver nothing: over UDP the kernel accepts no datagram, over TCP nobody listens. */
function stuck(scheme: string): Promise<SinkSubject> {
  const platform = suitePlatform()
  platform.net.datagramsTo = () => {
    return { send: () => new Promise(() => {}), ready: () => Promise.resolve(), close: () => Promise.resolve() }
  }
  return subject({ to: [`${scheme}://127.0.0.1:9`] }, platform, () => [])
}

conformsAsSink('forward over tcp, octet counting', { make: () => overTcp('octet'), stalled: () => stuck('tcp') })
conformsAsSink('forward over tcp, newlines', {
  make: () => overTcp('newline'),
  stalled: () => stuck('tcp'),
  shown: escaped,
})
conformsAsSink('forward over udp', { make: overUdp, stalled: () => stuck('udp'), textBytesMax: 60_000 })
