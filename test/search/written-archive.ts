// Writes an archive on disk, with the encoder and the schema of the archive destination.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { addBatch } from '../../collector/archive/batch-rows.ts'
import { BlockBuilder } from '../../collector/archive/block-builder.ts'
import { summed } from '../../collector/archive/checksum.ts'
import { FORMAT_VERSION, SCHEMA } from '../../collector/archive/schema.ts'
import { openToWrite } from '../../collector/archive/sqlite.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { batchOf, originOf } from '../fake/batch.ts'

export interface Received {
  readonly text: string | Buffer
  /** µs since the epoch. */
  readonly received: number
}

/** Writes the file of one day, in blocks of `size` messages. */
export function writeArchive(
  folder: string,
  day: string,
  messages: readonly Received[],
  size: number,
  origin: Origin = originOf({ peer: '192.0.2.7' }),
): void {
  mkdirSync(folder, { recursive: true })
  const sqlite = openToWrite(join(folder, `${day}.db`))
  sqlite.exec(SCHEMA)
  sqlite.prepare("INSERT INTO meta VALUES ('version', ?)").run(FORMAT_VERSION)
  const blockRow = sqlite.prepare('INSERT INTO block VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const dataRow = sqlite.prepare('INSERT INTO data VALUES (?, ?, ?, ?)')
  const builder = new BlockBuilder()
  for (let first = 0; first < messages.length; first += size) {
    for (const { text, received } of messages.slice(first, first + size)) {
      addBatch(batchOf([text], origin, received), undefined, builder, () => {})
    }
    const block = builder.finish()
    const { count, rawBytes, timeMin, timeMax, receivedMin, receivedMax, severities, facilities } = block
    const numbers = [first, count, rawBytes, timeMin, timeMax, receivedMin, receivedMax, severities, facilities]
    blockRow.run(...numbers, block.hosts, block.programs)
    dataRow.run(first, summed([block.grams]), block.fields, block.texts)
  }
  sqlite.pragma('journal_mode = DELETE')
  sqlite.close()
}
