// Looks up the addresses of names the way this machine does (nsswitch.conf): hosts file, name servers and so on.
//
// A lookup cannot be cancelled. While name servers do not answer, it takes ten seconds to minutes and occupies one of the few threads
// that Node has for such calls. So there is at most one lookup per name at a time, which all callers share.

import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { systemClock } from '../clock.ts'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import { CONNECT_WAIT_MS } from '../limits.ts'

const underWay = new Map<string, Promise<readonly LookupAddress[]>>()

/**
 * The addresses of a name, in the order in which to try them. Rejects with `HOST_UNRESOLVED`, retryable, also after
 * `CONNECT_WAIT_MS` and when `signal` aborts.
 */
export function resolve(host: string, signal?: AbortSignal): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (detail: string, cause?: unknown) => {
      settle()
      reject(new Fault('HOST_UNRESOLVED', detail, { retryable: true, cause }))
    }
    const onAbort = () => fail('stopped')
    const cancel = systemClock.after(CONNECT_WAIT_MS, () => {
      fail(`the address of ${host} is not known: no answer from name servers within ${CONNECT_WAIT_MS / 1000} s`)
    })
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) return onAbort()
    lookedUp(host).then(
      (addresses) => {
        settle()
        resolve(addresses)
      },
      (error: unknown) => fail(detailOf(error, host), error),
    )
  })
}

function lookedUp(host: string): Promise<readonly LookupAddress[]> {
  const known = underWay.get(host)
  if (known) return known
  const asked = lookup(host, { all: true }).finally(() => underWay.delete(host))
  underWay.set(host, asked)
  return asked
}

// Distinguishes a name that does not exist, which the operator must correct, from name servers that do not answer.
function detailOf(error: unknown, host: string): string {
  if (errnoOf(error) === 'ENOTFOUND') return `${host} has no address`
  if (errnoOf(error) === 'EAI_AGAIN')
    return `the address of ${host} is not known: name servers do not answer, or failed`
  return `the address of ${host} is not known: ${reasonOf(error)}`
}
