// Where everything lies when a configuration does not say: daemons write there, `grep` and its kin look there.

import { resolve } from 'node:path'

/** `/var/lib/sluice` for root, else `./sluice-data`; absolute. */
export function defaultDataFolder(): string {
  return process.getuid?.() === 0 ? '/var/lib/sluice' : resolve('sluice-data')
}
