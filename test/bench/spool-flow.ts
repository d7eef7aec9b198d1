// A process that only fills a spool and empties it: batches as a listener makes them, several open at a time, written,
// synced, read again, taken by a destination that does nothing, and acknowledged. argv: data folder, corpus file, messages,
// durability. Prints one line of JSON.

import { readFileSync } from 'node:fs'
import { openLog } from '../../common/log.ts'
import { DEFAULT_PRIORITY } from '../../common/message/priority.ts'
import { localZone } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { Gather } from '../../common/pipeline/gather.ts'
import { OpenWrites } from '../../common/pipeline/open-writes.ts'
import { systemPlatform } from '../../common/platform.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { SpooledDestination } from '../../common/spool/spooled-destination.ts'
import { peakMemoryBytes } from './measure.ts'

const [folder, path, count, durability] = process.argv.slice(2)
const platform = systemPlatform(openLog('warn'), createMetrics())

class Taker implements Destination {
  readonly name = 'taker'
  messages = 0
  bytes = 0

  open(): Promise<void> {
    return Promise.resolve()
  }

  write({ bounds, count }: Batch): Promise<void> {
    this.messages += count
    for (let i = 0; i < count; i += 1) this.bytes += bounds[2 * i + 1] - bounds[2 * i]
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** The lines of a file, 16 KiB a batch or a little more: what one turn of the event loop brings from a few connections. */
function batchesOf(corpus: Buffer): Batch[] {
  const origin: Origin = {
    ...{ source: 'network', peer: '192.0.2.7', lines: 'syslog', zone: localZone, host: Buffer.from('192.0.2.7') },
    ...{ program: Buffer.alloc(0), priority: DEFAULT_PRIORITY },
  }
  const batches: Batch[] = []
  const gather = new Gather(
    platform.slabs,
    () => platform.clock.now(),
    (batch) => batches.push(batch),
  )
  for (let start = 0; start < corpus.length;) {
    const end = corpus.indexOf(0x0a, Math.min(start + 16_384, corpus.length - 1)) + 1
    gather.reserve(end - start, true)
    const shift = gather.copy(corpus, start, end) - start
    for (let line = start; line < end;) {
      const next = corpus.indexOf(0x0a, line)
      gather.add(origin, line + shift, next + shift)
      line = next + 1
    }
    gather.flush()
    start = end
  }
  return batches
}

const taker = new Taker()
const spooled = new SpooledDestination(
  taker,
  `${folder}/spool`,
  { bytesMax: 2 ** 30, whenFull: 'block', freeBytesMin: 0, durability: durability === 'os' ? 'os' : 'fsync' },
  platform,
)
const batches = batchesOf(readFileSync(path))
const writes = new OpenWrites(spooled)
await spooled.open()
// Timers of the platform do not keep a process alive.
const heartbeat = setInterval(() => {}, 1_000)
const start = performance.now()
const cpu = process.cpuUsage()
for (let i = 0, messages = 0; messages < Number(count); i += 1) {
  const batch = batches[i % batches.length]
  batch.slab.retain()
  if (writes.full) await writes.room()
  void writes.write(batch)
  messages += batch.count
}
await writes.settled()
await spooled.close(60_000)
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
clearInterval(heartbeat)
const { messages, bytes } = taker
const memoryBytes = peakMemoryBytes(process.pid)
const cpuSeconds = (user + system) / 1e6
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds, memoryBytes, messages, bytes })}\n`)
