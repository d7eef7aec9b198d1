// Access to the data folder: every failure of the disk becomes the same fault, `DATA_UNWRITABLE`.

import { Fault, reasonOf } from './fault.ts'

/** Returns the result of `work` on `path`. Rejects with `DATA_UNWRITABLE`, for example if the folder belongs to another user. */
export async function accessData<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('DATA_UNWRITABLE', `${path}: ${reasonOf(cause)}`, { cause })
  }
}
