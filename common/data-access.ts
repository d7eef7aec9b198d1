// Access to the data folder: every failure becomes the same fault.

import { Fault, reasonOf } from './fault.ts'

/** The result of `work` on `path`; rejects with `DATA_UNWRITABLE`, for example if the folder belongs to another user. */
export async function accessData<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new Fault('DATA_UNWRITABLE', `${path}: ${reasonOf(cause)}`, { cause })
  }
}
