import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileSource } from '../../shipper/tail/file-source.ts'
import { conformsAsSource, type SourceSubject } from './source.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

async function subject(folder: string): Promise<SourceSubject> {
  const platform = suitePlatform()
  const logs = join(folder, 'logs')
  await mkdir(logs)
  const options = fileSource.options.parse({ paths: [join(logs, '*.log')] })
  const source = fileSource.create(options, contextOf('apps', platform, join(folder, 'data')))
  const send = (texts: readonly string[]) =>
    appendFile(join(logs, 'app.log'), texts.map((text) => `${text}\n`).join(''))
  return { source, platform, send }
}

conformsAsSource('file source', { make: subject, afterRejection: 'again', sender: 'goes on' })
