// The default data folder, which daemons write to, and which `sluice grep` and others read.

import { resolve } from 'node:path'

/** `/var/lib/sluice` for root, else `./sluice-data`; absolute. */
export function defaultDataFolder(): string {
  return process.getuid?.() === 0 ? '/var/lib/sluice' : resolve('sluice-data')
}
