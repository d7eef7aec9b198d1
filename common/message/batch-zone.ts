// The UTC offset used to write a batch's time of receipt: that of this machine.

import type { Batch } from '../pipeline/batch.ts'
import { localZone } from './zone.ts'

/** The offset of the local zone at the time of receipt, in minutes east of UTC. */
export function batchZone(batch: Batch): number {
  return localZone.offsetAt(batch.received)
}
