import { Writable } from 'node:stream'
import { lineTemplate } from '../../collector/line-template.ts'
import { StdoutDestination } from '../../collector/stdout.ts'
import { escaped, linesIn } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { suitePlatform } from './surroundings.ts'

async function subject(isStalled: boolean): Promise<SinkSubject> {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      if (isStalled) return
      // Accepted late, as a pipe may do.
      setImmediate(() => {
        chunks.push(Buffer.from(chunk))
        done()
      })
    },
  })
  const sink = new StdoutDestination('stdout', lineTemplate('{message}'), stream, suitePlatform(), () => {})
  await sink.open()
  return { sink, close: (ms) => sink.close(ms), output: () => Promise.resolve([linesIn(Buffer.concat(chunks))]) }
}

conformsAsSink('stdout', { make: () => subject(false), stalled: () => subject(true), shown: escaped })
