// What is measured in a network of its own, with an Ethernet's MTU.
//
// On the loopback as it is, librelp alone decides: it corks its socket, and with segments of 64 KiB a window of 128 messages never
// fills one, so that each waits out the 200 ms of TCP_CORK. And in a network of its own, all bytes on the wire are ours.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Result } from './work.ts'

export interface WireResult extends Result {
  /** Bytes that went over the wire, both ways, with the heads of TCP and IP. */
  readonly wireBytes: number
}

const NETWORK = 'ip link set lo up mtu 1500 && exec "$0" "$@"'

/** Runs `script` with a word in a network of its own; rejects where this user may not make networks. */
export function inOwnNetwork(script: string, word: string): WireResult {
  const unshare = ['--map-root-user', '--net', 'sh', '-c', NETWORK, process.execPath, script, word]
  return JSON.parse(execFileSync('unshare', unshare, { encoding: 'utf8' })) as WireResult
}

/** In the script: `run` with that word, where the script is what was started. */
export async function asScript(script: string, run: (word: string) => Promise<Result>): Promise<void> {
  if (script !== pathToFileURL(process.argv[1] ?? '').href) return
  const before = loopbackBytes()
  const result = await run(process.argv[2])
  process.stdout.write(JSON.stringify({ ...result, wireBytes: loopbackBytes() - before }))
}

// What is received here was sent here: both directions of every connection are in it once.
function loopbackBytes(): number {
  const line = readFileSync('/proc/net/dev', 'latin1')
    .split('\n')
    .find((line) => line.trim().startsWith('lo:'))
  return Number(line?.trim().split(/[\s:]+/)[1] ?? 0)
}
