// A spool in front of a file: what comes out has gone over the disk twice.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileType } from '../../collector/file/file-type.ts'
import type { Disk } from '../../common/disk.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import type { SpoolOptions } from '../../common/spool/spool-options.ts'
import { failingDisk, systemError } from '../file/surroundings.ts'
import { escaped, linesOfFiles } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

const fullDisk = failingDisk((call, path) =>
  call === 'write' && path.endsWith('.spool') ? systemError('ENOSPC') : undefined,
)

async function subject(folder: string, given: Partial<SpoolOptions> = {}, disk?: Disk): Promise<SinkSubject> {
  const out = join(folder, 'out')
  mkdirSync(out, { recursive: true })
  const platform = { ...suitePlatform(), ...(disk && { disk }) }
  const options = fileType.options.parse({ path: join(out, 'all.log'), line: '{message}' })
  const file = fileType.create(options, contextOf('files', platform, join(folder, 'data')))
  const spoolOptions: SpoolOptions = {
    ...{ bytesMax: 8 * 1024 * 1024, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 },
    ...given,
  }
  const sink = new SpooledDestination(file, join(folder, 'data/spool/files'), spoolOptions, platform)
  await sink.open()
  return { sink, close: (ms) => sink.close(ms), output: () => Promise.resolve(linesOfFiles(out)) }
}

conformsAsSink('spool', {
  make: (folder) => subject(folder),
  stalled: (folder) => subject(folder, {}, fullDisk),
  durable: true,
  shown: escaped,
})

conformsAsSink('spool of the smallest size, nothing synced', {
  make: (folder) => subject(folder, { bytesMax: 1024 * 1024, durability: 'os' }),
  durable: true,
  shown: escaped,
})
