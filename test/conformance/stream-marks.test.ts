import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { archiveType } from '../../collector/archive/archive-type.ts'
import { fileType } from '../../collector/file/file-type.ts'
import { DestinationQueue } from '../../common/pipeline/destination-queue.ts'
import { Router } from '../../common/pipeline/router.ts'
import type { Batch, Run } from '../../common/pipeline/batch.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import { stored } from '../archive/surroundings.ts'
import { LateDestination } from './late-destination.ts'
import { bodyOf, linesOfFiles } from './outputs.ts'
import { keepsStreamMarks, type MarksSubject } from './stream-marks.ts'
import { contextOf, DEADLINE_MS, type SuitePlatform } from './surroundings.ts'

function files(folder: string, platform: SuitePlatform): Destination {
  const out = join(folder, 'out')
  mkdirSync(out, { recursive: true })
  const options = fileType.options.parse({ path: join(out, 'all.log'), line: '{message}' })
  return fileType.create(options, contextOf('files', platform, join(folder, 'data')))
}

function archive(folder: string, platform: SuitePlatform): Destination {
  return archiveType.create(archiveType.options.parse({}), contextOf('archive', platform, folder))
}

/** By folder, the texts that came out of its spool: they are kept when the destination is opened again. */
const got = new Map<string, string[]>()
const linesIn = (folder: string) => Promise.resolve(linesOfFiles(join(folder, 'out')).flat())
const storedIn = async (folder: string) => [...(await stored(folder)).values()].map(bodyOf)

async function alone(sink: Destination, output: MarksSubject['output']): Promise<MarksSubject> {
  await sink.open()
  return { sink, output, close: () => sink.close(DEADLINE_MS) }
}

keepsStreamMarks('file destination', {
  make: (folder, platform) => alone(files(folder, platform), () => linesIn(folder)),
})

keepsStreamMarks('archive', {
  make: (folder, platform) => alone(archive(folder, platform), () => storedIn(folder)),
})

function balanced(destination: Destination): Destination {
  const assign = (runs: readonly Run[]) => runs.map(({ stream }) => (stream?.id.codePointAt(0) ?? 0) % 2)
  return Object.assign(destination, {
    lanes: { count: 2, assign, writeTo: (_: number, batch: Batch) => destination.write(batch) },
  })
}

// The destination behind a spool sees only the spool's own stream, so the marks are the spool's.
for (const isBalanced of [false, true])
  keepsStreamMarks(isBalanced ? 'spooled lanes' : 'spooled destination', {
    async make(folder, platform) {
      const texts = got.get(folder) ?? []
      got.set(folder, texts)
      const options = { bytesMax: 2 ** 26, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 } as const
      const spool = join(folder, 'spool')
      const late = new LateDestination('late', false, texts)
      const sink = new SpooledDestination(isBalanced ? balanced(late) : late, spool, options, platform)
      // Closing delivers everything that is in the spool.
      const output = async () => {
        await sink.close(DEADLINE_MS)
        return texts.map(bodyOf)
      }
      await sink.open()
      return { sink, output, close: () => sink.close(DEADLINE_MS) }
    },
  })

// A router with two destinations, each behind its queue as in a pipeline.
keepsStreamMarks('router', {
  async make(folder, platform) {
    const destinations = [files(folder, platform), archive(folder, platform)]
    for (const destination of destinations) await destination.open()
    const queues = destinations.map((destination) => new DestinationQueue(destination, platform))
    const sink = new Router([{ to: [0, 1], final: false }], queues, platform.metrics).sinkFor('apps')
    const close = async () => {
      for (const queue of queues) queue.stop()
      for (const destination of destinations) await destination.close(DEADLINE_MS)
    }
    return { sink, output: () => linesIn(folder), close }
  },
})
