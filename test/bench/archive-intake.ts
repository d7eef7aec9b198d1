// A process that only fills an archive: batches as a listener would make them, several open at a time, until the last one is
// durably committed. argv: data folder, corpus file, times. Prints one line of JSON.

import { closeSync, openSync, readSync } from 'node:fs'
import { archiveType } from '../../collector/archive/archive-type.ts'
import { openLog } from '../../common/log.ts'
import { localZone } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { Gather } from '../../common/pipeline/gather.ts'
import { OpenWrites } from '../../common/pipeline/open-writes.ts'
import { systemPlatform } from '../../common/platform.ts'
import { peakMemoryBytes } from './measure.ts'

const [dataFolder, path, times] = process.argv.slice(2)
const platform = systemPlatform(openLog('warn'), createMetrics())
const context = { name: 'archive', platform, dataFolder, hostName: 'bench', messageBytesMax: 1024 * 1024, localZone }
const archive = archiveType.create({}, context)
const writes = new OpenWrites(archive)
const origin: Origin = {
  ...{ source: 'network', peer: '192.0.2.7', lines: 'syslog', zone: localZone, host: Buffer.from('192.0.2.7') },
  ...{ program: Buffer.alloc(0), priority: 13 },
}

await archive.open()
const gather = new Gather(
  platform.slabs,
  () => platform.clock.now(),
  (batch) => void writes.write(batch),
)
// Pieces of the size that one read from a socket brings: the corpus as a whole is not in this process' memory.
const piece = Buffer.alloc(65_536)
let start = 0
let cpu = process.cpuUsage()
// One round more comes first: what a daemon that runs for months costs is measured, not its first second.
for (let round = 0; round <= Number(times); round += 1) {
  if (round === 1) {
    await writes.settled()
    start = performance.now()
    cpu = process.cpuUsage()
  }
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
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
await archive.close(60_000)
// Not getrusage's maximum: that of a process includes what its parent had in memory when it was started.
const memoryBytes = peakMemoryBytes(process.pid)
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, memoryBytes })}\n`)
