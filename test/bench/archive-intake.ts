// A process that only fills an archive: batches as a listener would make them, several open at a time, until the last one is
// durably committed. argv: data folder, corpus file, times. Prints one line of JSON.

import { archiveType } from '../../collector/archive/archive-type.ts'
import { openLog } from '../../common/log.ts'
import { localZone } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import { OpenWrites } from '../../common/pipeline/open-writes.ts'
import { systemPlatform } from '../../common/platform.ts'
import { peakMemoryBytes } from './measure.ts'
import { writePiecewise } from './piecewise.ts'

const [dataFolder, path, times] = process.argv.slice(2)
const platform = systemPlatform(openLog('warn'), createMetrics())
const context = { name: 'archive', platform, dataFolder, hostName: 'bench', messageBytesMax: 1024 * 1024, localZone }
const archive = archiveType.create({}, context)
const writes = new OpenWrites(archive)

await archive.open()
const start = performance.now()
const cpu = process.cpuUsage()
await writePiecewise(path, Number(times), writes, platform)
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
await archive.close(60_000)
// Not getrusage's maximum: that of a process includes what its parent had in memory when it was started.
const memoryBytes = peakMemoryBytes(process.pid)
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, memoryBytes })}\n`)
