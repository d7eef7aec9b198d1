// A corpus file as batches, as a listener would make them.

import { closeSync, openSync, readSync } from 'node:fs'
import { localZone } from '../../common/message/zone.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { Gather } from '../../common/pipeline/gather.ts'
import type { OpenWrites } from '../../common/pipeline/open-writes.ts'
import type { Platform } from '../../common/platform.ts'

const origin: Origin = {
  ...{ source: 'network', peer: '192.0.2.7', lines: 'syslog', zone: localZone, host: Buffer.from('192.0.2.7') },
  ...{ program: Buffer.alloc(0), priority: 13 },
}

/** Writes all lines of a file so many times, several batches open at a time, and waits until all have settled. */
export async function writePiecewise(
  path: string,
  times: number,
  writes: OpenWrites,
  platform: Platform,
): Promise<void> {
  const gather = new Gather(
    platform.slabs,
    () => platform.clock.now(),
    (batch) => void writes.write(batch),
  )
  // Pieces of the size that one read from a socket brings: the corpus as a whole is not in this process' memory.
  const piece = Buffer.alloc(65_536)
  for (let round = 0; round < times; round += 1) {
    const file = openSync(path, 'r')
    for (let at = 0; ;) {
      const bytes = readSync(file, piece, 0, piece.length, at)
      const last = piece.lastIndexOf(0x0a, bytes - 1) + 1
      if (bytes === 0 || last === 0) break
      at += last
      await writes.room()
      gather.reserve(last, true)
      const shift = gather.copy(piece, 0, last)
      for (let line = 0; line < last;) {
        const next = piece.indexOf(0x0a, line)
        gather.add(origin, line + shift, next + shift)
        line = next + 1
      }
    }
    closeSync(file)
  }
  gather.close()
  await writes.settled()
}
