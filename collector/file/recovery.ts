// After a crash: what was written behind the last commit comes again from its streams, so it is cut from its file. It is
// moved to `<data>/cut/`, not thrown away: lines of other sources may be among it.

import { basename, dirname, join } from 'node:path'
import type { Disk, FileStat } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import type { FileEntry, PositionLog } from './position-log.ts'

const COPY_BYTES = 1024 * 1024

/** Cuts every file back to its length in the log, wherever it was renamed to within its folder; then tidies the log. */
export async function cutUncommitted(
  destination: string,
  log: PositionLog,
  dataFolder: string,
  platform: Platform,
): Promise<void> {
  if (log.damagedBytes > 0) {
    const values = { destination, bytes: log.damagedBytes }
    platform.log.warn(values, 'positions are damaged: what they do not tell is left as it is, and may come again')
  }
  for (const entry of log.files) {
    const found = await findFile(platform.disk, entry)
    const values = { destination, path: entry.path }
    if (!found || found.stat.size < entry.length) {
      const what = found ? 'is shorter than when it was last committed' : 'is gone or compressed since its last commit'
      platform.log.warn(values, `file ${what}: it is left alone, some of its lines may come again`)
      platform.metrics.count('sluice_in_doubt_total', { destination }, 1)
    } else if (found.stat.size > entry.length && log.doubts(entry)) {
      platform.log.warn(values, 'file has a damaged position: it is left alone, some of its lines may come again')
      platform.metrics.count('sluice_in_doubt_total', { destination }, 1)
    } else if (found.stat.size > entry.length) {
      const kept = await cut(destination, found.path, entry.length, found.stat.size, dataFolder, platform)
      const bytes = found.stat.size - entry.length
      platform.log.warn({ ...values, bytes, kept }, 'lines behind the last commit are cut, since they come again')
    }
  }
  if (log.files.length > 0 || log.damagedBytes > 0) await log.rewrite(() => false)
}

async function findFile(disk: Disk, entry: FileEntry): Promise<{ path: string; stat: FileStat } | undefined> {
  const isIt = (stat: FileStat | undefined): stat is FileStat =>
    stat !== undefined && String(stat.device) === entry.device && String(stat.inode) === entry.inode
  const stat = await disk.stat(entry.path)
  if (isIt(stat)) return { path: entry.path, stat }
  const folder = dirname(entry.path)
  for (const name of await disk.list(folder)) {
    const path = join(folder, name.toString('utf8'))
    const stat = await disk.statLink(path)
    if (isIt(stat)) return { path, stat }
  }
  return undefined
}

// The copy is on the disk before the original is cut.
async function cut(
  destination: string,
  path: string,
  from: number,
  to: number,
  dataFolder: string,
  { disk, clock }: Platform,
): Promise<string> {
  const folder = join(dataFolder, 'cut')
  await disk.makeFolder(folder)
  const stamp = new Date(clock.now() / 1000).toISOString().replaceAll(/[:.]/g, '')
  let kept = join(folder, `${destination}-${stamp}-${basename(path)}`)
  for (let n = 1; await disk.stat(kept); n += 1) kept = join(folder, `${destination}-${stamp}.${n}-${basename(path)}`)
  const original = await disk.open(path, 'write')
  const copy = await disk.open(kept, 'create')
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, to - from))
    for (let at = from; at < to;) {
      const bytes = await original.read(buffer, 0, Math.min(buffer.length, to - at), at)
      if (bytes === 0) break
      await copy.write(buffer, 0, bytes, at - from)
      at += bytes
    }
    await copy.sync()
    await disk.syncFolder(folder)
    await original.truncate(from)
    await original.sync()
  } finally {
    await original.close()
    await copy.close()
  }
  return kept
}
