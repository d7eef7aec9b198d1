// Set-up for the tests of this folder: a temporary folder, an open archive, and all messages that it has stored.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { ArchiveDestination } from '../../collector/archive/archive-destination.ts'
import { openArchive } from '../../collector/archive/reader.ts'
import type { RetentionOptions } from '../../collector/archive/retention.ts'
import { systemDisk } from '../../common/disk.ts'
import { utc } from '../../common/message/zone.ts'
import type { Platform } from '../../common/platform.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean()
})

/** A new folder, which is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-archive-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Opens an archive in `<dataFolder>/archive`, which is closed after the test. */
export async function openedArchive(platform: Platform, dataFolder: string, options: Partial<RetentionOptions> = {}) {
  const archive = new ArchiveDestination(
    { keepMs: undefined, bytesMax: undefined, ...options },
    { name: 'archive', platform, dataFolder, hostName: 'here', messageBytesMax: 1024 * 1024, localZone: utc },
  )
  await archive.open()
  cleanups.push(() => archive.close(5_000))
  return archive
}

/** All stored messages by id (`day/ordinal`), as they came; in latin1, so that each byte is one character. */
export async function stored(dataFolder: string): Promise<Map<string, string>> {
  const archive = await openArchive(systemDisk, join(dataFolder, 'archive'))
  const messages = new Map<string, string>()
  for (const name of archive.parts) {
    const part = archive.open(name)
    for (const block of part.blocks()) {
      const decoded = block.decode()
      for (let i = 0; i < decoded.count; i += 1) {
        messages.set(`${name.day}/${block.first + i}`, decoded.raw(i).toString('latin1'))
      }
    }
    part.close()
  }
  return messages
}
