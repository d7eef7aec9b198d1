// Finds the configuration for a command that is not given one.

import { systemDisk } from '../common/disk.ts'

const lookup = ['sluice.yaml', '/etc/sluice/sluice.yaml']

/** The first that exists of `./sluice.yaml` and `/etc/sluice/sluice.yaml`. */
export async function findConfiguration(): Promise<string | undefined> {
  for (const path of lookup) if (await isThere(path)) return path
  return undefined
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await systemDisk.stat(path)) !== undefined
  } catch {
    return true // not accessible: reading it will report why
  }
}
