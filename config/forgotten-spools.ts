// Reports spools that no destination reads, because theirs has no buffer any more, was renamed or removed. Their messages were
// acknowledged to the senders, and would otherwise stay there unnoticed.

import { reasonOf } from '../common/fault.ts'
import { laneFolder, listLanes } from '../common/spool/lane-folders.ts'
import { viewSpool } from '../common/spool/spool-view.ts'
import type { Platform } from '../common/platform.ts'
import type { Configuration } from './configuration.ts'

/** Logs the spools below the data folder that have messages and belong to no destination with a buffer. Never rejects. */
export async function reportForgottenSpools(configuration: Configuration, platform: Platform): Promise<void> {
  const { dataFolder, destinations } = configuration
  const { disk, log } = platform
  const used = new Set(destinations.flatMap(({ name, buffer }) => (buffer ? [name] : [])))
  const unreadable = (spool: string, error: unknown) => {
    log.warn({ spool, reason: reasonOf(error) }, 'a spool that belongs to no destination cannot be read')
  }
  const folder = `${dataFolder}/spool`
  const names = await disk.list(folder).catch((error: unknown) => unreadable(folder, error))
  for (const name of (names ?? []).map(String)) {
    if (used.has(name)) continue
    const spool = `${folder}/${name}`
    try {
      const messages = await waitingIn(spool, platform)
      if (messages > 0) log.warn({ spool, messages }, FORGOTTEN)
    } catch (error) {
      unreadable(spool, error)
    }
  }
}

const FORGOTTEN =
  'a spool holds messages, but no destination reads it: give a destination of this name a buffer, and they are sent'

async function waitingIn(folder: string, { disk, slabs }: Platform): Promise<number> {
  let waiting = 0
  for (const lane of [0, ...(await listLanes(disk, folder))]) {
    const view = await viewSpool(disk, laneFolder(folder, lane), slabs)
    if (!view) continue
    for await (const segment of view.segments()) {
      for await (const item of segment.items()) {
        if (item.kind !== 'record') continue
        waiting += Math.max(0, Math.min(item.count, item.position + item.count - view.acknowledged))
      }
    }
  }
  return waiting
}
