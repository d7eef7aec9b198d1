// The script of a process that writes numbered messages to an archive until it is killed. After each acknowledged write it prints
// how many messages are acknowledged. Arguments: the folder of the compiled files, the data folder, the first number.

export const WRITER = `
const [dist, dataFolder, first] = process.argv.slice(2)
const { ArchiveDestination } = await import(dist + '/collector/archive/archive-destination.js')
const { systemPlatform } = await import(dist + '/common/platform.js')
const { openLog } = await import(dist + '/common/log.js')
const { createMetrics } = await import(dist + '/common/metric.js')
const { utc } = await import(dist + '/common/message/zone.js')
const platform = systemPlatform(openLog('error'), createMetrics())
const context = { name: 'archive', platform, dataFolder, hostName: 'h', messageBytesMax: 1048576, localZone: utc }
const archive = new ArchiveDestination({ keepMs: undefined, bytesMax: undefined }, context)
await archive.open()
const none = Buffer.alloc(0)
const origin = { source: 's', lines: 'syslog', zone: utc, host: Buffer.from('h'), program: none, priority: 13 }
setInterval(() => {}, 1000)
for (let number = Number(first); ; number += 10) {
  const slab = platform.slabs.take()
  const bounds = new Uint32Array(20)
  let at = 0
  for (let i = 0; i < 10; i += 1) {
    bounds[2 * i] = at
    at += slab.bytes.write('<13>message ' + (number + i), at)
    bounds[2 * i + 1] = at
  }
  const stream = { id: 'f'.repeat(32), from: number, to: number + 10, ends: Uint32Array.from(bounds.subarray(0, 10), (_, i) => i + 1) }
  const received = platform.clock.now()
  await archive.write({ slab, bounds, count: 10, received, runs: [{ count: 10, origin, stream }] })
  slab.release()
  process.stdout.write(number + 10 + '\\n')
}
`
