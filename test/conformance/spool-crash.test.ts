// A file behind a spool: what the spool has acknowledged is in the file exactly once, whenever the process is killed.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileType } from '../../collector/file/file-type.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import { systemClock, type Clock } from '../../common/clock.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { linesOfFiles } from './outputs.ts'
import { survivesCrashes } from './crash.ts'
import { contextOf, DEADLINE_MS, suitePlatform } from './surroundings.ts'

function make(folder: string, disk: Disk, clock: Clock): SpooledDestination {
  mkdirSync(join(folder, 'out'), { recursive: true })
  const platform = { ...suitePlatform(), disk, clock }
  const fileOptions = fileType.options.parse({ path: join(folder, 'out/all.log'), line: '{message}' })
  const file = fileType.create(fileOptions, contextOf('files', platform, join(folder, 'data')))
  const options = { bytesMax: 2 ** 26, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 } as const
  return new SpooledDestination(file, join(folder, 'spool'), options, platform)
}

survivesCrashes('file behind a spool', {
  make,
  // A stop may give up before the spool is drained, since the fake clock runs ahead of the real disk. So the rest is drained here.
  async settle(folder) {
    const last = make(folder, systemDisk, systemClock)
    await last.open()
    await last.close(DEADLINE_MS)
  },
  stored: (folder) => linesOfFiles(join(folder, 'out')),
})
