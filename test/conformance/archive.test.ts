import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { archiveType } from '../../collector/archive/archive-type.ts'
import { openToWrite } from '../../collector/archive/sqlite.ts'
import { stored } from '../archive/surroundings.ts'
import { bodyOf } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

async function subject(folder: string): Promise<SinkSubject> {
  const sink = archiveType.create(archiveType.options.parse({}), contextOf('archive', suitePlatform(), folder))
  await sink.open()
  const output = async () => [[...(await stored(folder)).values()].map(bodyOf)]
  return { sink, close: (ms) => sink.close(ms), output }
}

/** An archive that cannot write, because another connection holds a lock on the file of the suite's day of receipt. */
async function locked(folder: string): Promise<SinkSubject> {
  const archive = await subject(folder)
  mkdirSync(join(folder, 'archive'), { recursive: true })
  const other = openToWrite(join(folder, 'archive', '1970-01-01.db'))
  other.exec('BEGIN EXCLUSIVE')
  onTestFinished(() => void other.close())
  return { ...archive, output: () => Promise.resolve([]) }
}

conformsAsSink('archive', { make: subject, stalled: locked, durable: true })
