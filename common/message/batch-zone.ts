// The offset with which a batch's time of receipt is written: this machine's.

import type { Batch } from '../pipeline/batch.ts'
import { localZone } from './zone.ts'

/** Minutes east of UTC, here, when the batch was received. */
export function batchZone(batch: Batch): number {
  return localZone.offsetAt(batch.received)
}
