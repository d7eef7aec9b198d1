import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { byteInput } from '../../common/standard-input.ts'
import { stdinSource, StdinSource } from '../../shipper/source/stdin.ts'
import { conformsAsSource, type SourceSubject } from './source.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

function subject(): Promise<SourceSubject> {
  const platform = suitePlatform()
  const stream = new PassThrough()
  const context = contextOf('in', platform, '/nowhere')
  const source = new StdinSource(stdinSource.options.parse({}), context, () => byteInput(stream))
  const send = async (texts: readonly string[]) => {
    for (const text of texts) if (!stream.write(`${text}\n`)) await once(stream, 'drain')
  }
  return Promise.resolve({ source, platform, send })
}

conformsAsSource('stdin', { make: subject, afterRejection: 'counted', sender: 'waits' })
