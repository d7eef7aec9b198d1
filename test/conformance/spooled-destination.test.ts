import { join } from 'node:path'
import type { Disk } from '../../common/disk.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import { failingDisk, systemError } from '../file/surroundings.ts'
import { LateDestination } from './late-destination.ts'
import { bodyOf } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { suitePlatform } from './surroundings.ts'

const MiB = 1024 * 1024

/** What the receivers of each folder have got, over all that were there one after another. */
const got = new Map<string, string[]>()

async function subject(folder: string, disk?: Disk): Promise<SinkSubject> {
  const texts = got.get(folder) ?? []
  got.set(folder, texts)
  const platform = { ...suitePlatform(), ...(disk && { disk }) }
  const options = { bytesMax: 64 * MiB, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 } as const
  const late = new LateDestination('late', false, texts)
  const sink = new SpooledDestination(late, join(folder, 'spool'), options, platform)
  await sink.open()
  return { sink, close: (ms) => sink.close(ms), output: () => Promise.resolve([texts.map(bodyOf)]) }
}

/** Open, and then its disk is full. */
async function full(folder: string): Promise<SinkSubject> {
  let isFull = false
  const disk = failingDisk((call) => (isFull && call === 'write' ? systemError('ENOSPC') : undefined))
  const opened = await subject(folder, disk)
  isFull = true
  return opened
}

conformsAsSink('spooled destination', {
  make: (folder) => subject(folder),
  stalled: full,
  durable: true,
})
