// What a daemon costs while nothing happens.

import { memoryBytes } from './measure.ts'
import { sluice } from './systems.ts'
import { freePort, inFolder, withSystem } from './work.ts'

const SETTLE_MS = 3_000

/** Resident memory of a server that listens and waits, bytes. */
export function idleMemory(): Promise<number> {
  return inFolder(async (folder) => {
    const job = { folder, port: await freePort(), syslog: 'rfc3164', work: 'tcp-file' } as const
    return withSystem(sluice, job, async (child) => {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      return memoryBytes(child.pid!)
    })
  })
}
