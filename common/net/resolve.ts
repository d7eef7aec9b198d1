// Addresses of names.

import { lookup } from 'node:dns/promises'
import { Fault } from '../fault.ts'

/** The addresses of a name, as text. Rejects with `HOST_UNRESOLVED`, retryable. */
export async function resolve(host: string): Promise<string[]> {
  try {
    const found = await lookup(host, { all: true })
    return found.map(({ address }) => address)
  } catch (error) {
    throw new Fault('HOST_UNRESOLVED', `${host} has no address`, { retryable: true, cause: error })
  }
}
