// The smallest possible spool, in front of a file.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileType } from '../../collector/file/file-type.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import { escaped, linesOfFiles } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

async function subject(folder: string): Promise<SinkSubject> {
  const out = join(folder, 'out')
  mkdirSync(out, { recursive: true })
  const platform = suitePlatform()
  const fileOptions = fileType.options.parse({ path: join(out, 'all.log'), line: '{message}' })
  const file = fileType.create(fileOptions, contextOf('files', platform, join(folder, 'data')))
  const options = { bytesMax: 1024 * 1024, whenFull: 'block', durability: 'os', freeBytesMin: 0 } as const
  const sink = new SpooledDestination(file, join(folder, 'data/spool/files'), options, platform)
  await sink.open()
  return { sink, close: (ms) => sink.close(ms), output: () => Promise.resolve(linesOfFiles(out)) }
}

conformsAsSink('smallest spool, in front of a file', { make: subject, durable: true, shown: escaped })
