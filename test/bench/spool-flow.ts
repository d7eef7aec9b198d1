// A process that only fills a spool and empties it: batches as a listener would make them, several open at a time, written,
// synced, read again, taken by a destination that does nothing, and acknowledged. argv: data folder, corpus file, times,
// durability. Prints one line of JSON.

import { openLog } from '../../common/log.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { OpenWrites } from '../../common/pipeline/open-writes.ts'
import { systemPlatform } from '../../common/platform.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import type { SpoolOptions } from '../../common/spool/spool-options.ts'
import { peakMemoryBytes } from './measure.ts'
import { writePiecewise } from './piecewise.ts'

const [folder, path, times, durability] = process.argv.slice(2)
const platform = systemPlatform(openLog('warn'), createMetrics())

class Taker implements Destination {
  readonly name = 'taker'
  messages = 0

  open(): Promise<void> {
    return Promise.resolve()
  }

  write(batch: Batch): Promise<void> {
    this.messages += batch.count
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

const taker = new Taker()
const options: SpoolOptions = {
  ...{ bytesMax: 2 ** 30, whenFull: 'block', freeBytesMin: 0 },
  durability: durability === 'os' ? 'os' : 'fsync',
}
const spooled = new SpooledDestination(taker, `${folder}/spool`, options, platform)
await spooled.open()
// Timers of the platform do not keep a process alive.
const heartbeat = setInterval(() => {}, 1_000)
const start = performance.now()
const cpu = process.cpuUsage()
await writePiecewise(path, Number(times), new OpenWrites(spooled), platform)
await spooled.close(60_000)
clearInterval(heartbeat)
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
const memoryBytes = peakMemoryBytes(process.pid)
const cpuSeconds = (user + system) / 1e6
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds, memoryBytes, messages: taker.messages })}\n`)
