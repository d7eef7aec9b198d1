// Source of randomness, behind one interface so that a simulation can replay it from a seed.

import { randomBytes } from 'node:crypto'

export interface Random {
  /** At least 0, less than 1. */
  fraction(): number
  /** `count` random bytes, suitable for ids. */
  bytes(count: number): Buffer
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes: (count) => randomBytes(count),
}

/** A new 128-bit id as 32 hexadecimal digits, for a stream, an instance or a chunked message. */
export function newId(random: Random): string {
  return random.bytes(16).toString('hex')
}
