// file → client → RELP → server → file, in a network of its own.

import { corpusBuffer } from './corpus-buffer.ts'
import { fileChain } from './chain-work.ts'
import { asScript, inOwnNetwork, type WireResult } from './own-network.ts'
import { rsyslog, sluice } from './systems.ts'
import { WARM_TIMES } from './work.ts'

const SYSTEMS = { sluice, rsyslog }

const MESSAGES = 250_000
const TIMES = 12

export interface RelpChainResult extends WireResult {
  /** Bytes of the file for each byte on the wire. */
  readonly smaller: number
}

export function relpChain(name: string): RelpChainResult {
  const result = inOwnNetwork(new URL(import.meta.url).pathname, name)
  const rawBytes = (WARM_TIMES + TIMES) * corpusBuffer('rfc3164', MESSAGES).corpus.length
  return { ...result, smaller: rawBytes / result.wireBytes }
}

await asScript(import.meta.url, (name) => {
  const feed = { syslog: 'rfc3164', times: TIMES, ...corpusBuffer('rfc3164', MESSAGES) } as const
  return fileChain(SYSTEMS[name as keyof typeof SYSTEMS], feed, 'relp')
})
