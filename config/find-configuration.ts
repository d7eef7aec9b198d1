// Which configuration a command means that was not told one.

import { systemDisk } from '../common/disk.ts'

const lookup = ['sluice.yaml', '/etc/sluice/sluice.yaml']

/** The first there is of `./sluice.yaml` and `/etc/sluice/sluice.yaml`. */
export async function findConfiguration(): Promise<string | undefined> {
  for (const path of lookup) if (await isThere(path)) return path
  return undefined
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await systemDisk.stat(path)) !== undefined
  } catch {
    return true // there, but out of reach: reading it says why
  }
}
