import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileType } from '../../collector/file/file-type.ts'
import type { Disk } from '../../common/disk.ts'
import { failingDisk, systemError } from '../file/surroundings.ts'
import { escaped, linesOfFiles } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

const fullDisk = failingDisk((call, path) =>
  call === 'write' && path.includes('/out/') ? systemError('EIO') : undefined,
)

async function subject(folder: string, name: string, disk?: Disk): Promise<SinkSubject> {
  const out = join(folder, 'out')
  mkdirSync(out, { recursive: true })
  const options = fileType.options.parse({ path: join(out, name), line: '{message}' })
  const platform = { ...suitePlatform(), ...(disk && { disk }) }
  const sink = fileType.create(options, contextOf('files', platform, join(folder, 'data')))
  await sink.open()
  return { sink, close: (ms) => sink.close(ms), output: () => Promise.resolve(linesOfFiles(out)) }
}

for (const [what, path] of [
  ['one file', 'all.log'],
  ['a file for each program', '{program}.log'],
] as const) {
  conformsAsSink(`file destination, ${what}`, {
    make: (folder) => subject(folder, path),
    stalled: (folder) => subject(folder, path, fullDisk),
    durable: true,
    shown: escaped,
  })
}
