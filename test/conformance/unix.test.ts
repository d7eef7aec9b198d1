import { once } from 'node:events'
import { join } from 'node:path'
import type { Socket } from 'node:net'
import { test } from 'vitest'
import { unixSource } from '../../shipper/source/unix.ts'
import { dial, hasDatagrams, sendDatagrams, whereDatagrams } from '../source/unix-peers.ts'
import { conformsAsSource, type SourceSubject } from './source.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

function subject(folder: string, options: object) {
  const platform = suitePlatform()
  const path = join(folder, 'log')
  const given = unixSource.options.parse({ path, ...options })
  return { path, platform, source: unixSource.create(given, contextOf('local', platform, '/nowhere')) }
}

function datagrams(folder: string): Promise<SourceSubject> {
  const { path, platform, source } = subject(folder, {})
  const send = async (texts: readonly string[]) => void (await sendDatagrams(path, texts))
  return Promise.resolve({ source, platform, send })
}

function stream(whenFull: string) {
  return (folder: string): Promise<SourceSubject> => {
    const { path, platform, source } = subject(folder, { socket: 'stream', when_full: whenFull })
    let socket: Socket | undefined
    const send = async (texts: readonly string[]) => {
      socket ??= await dial(path)
      for (const text of texts) if (!socket.write(`${text}\0`)) await once(socket, 'drain')
    }
    return Promise.resolve({ source, platform, send })
  }
}

if (hasDatagrams)
  conformsAsSource('unix, datagrams', { make: datagrams, afterRejection: 'counted', sender: 'goes on, drops' })
else test.skip(`unix, datagrams${whereDatagrams}`, () => {})
conformsAsSource('unix, a stream', {
  make: stream('drop-newest'),
  afterRejection: 'counted',
  sender: 'goes on, drops',
})
conformsAsSource('unix, a stream that blocks', { make: stream('block'), afterRejection: 'counted', sender: 'waits' })
