// The data folder, for whoever keeps something in it: all say alike that they cannot.

import { Fault, reasonOf } from './fault.ts'

/** What `work` on `path` comes to; rejects with `DATA_UNWRITABLE`, for instance where the folder is another user's. */
export async function accessData<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new Fault('DATA_UNWRITABLE', `${path}: ${reasonOf(cause)}`, { cause })
  }
}
