// Access to the data folder: a failure of the disk becomes a fault whose code leads to the right advice.

import { errnoOf, Fault, reasonOf } from './fault.ts'
import type { FaultCode } from './fault-codes.ts'

const codes: Readonly<Record<string, FaultCode>> = { ENOSPC: 'DISK_FULL', EDQUOT: 'DISK_FULL', EIO: 'DISK_ERROR' }

/**
 * Returns the result of `work` on `path`. Rejects with `DISK_FULL`, with `DISK_ERROR` if the disk cannot read or write, and otherwise with
 * `DATA_UNWRITABLE`, for example if the folder belongs to another user.
 */
export async function accessData<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const code = codes[errnoOf(cause) ?? ''] ?? 'DATA_UNWRITABLE'
    throw new Fault(code, `${path}: ${reasonOf(cause)}`, { cause })
  }
}
