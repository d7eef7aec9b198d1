// The thread that writes an archive: everything that takes time is done here.

import { systemClock } from '../../common/clock.ts'
import { assert, Fault } from '../../common/fault.ts'
import { ARCHIVE_RETRY_FIRST_MS, ARCHIVE_RETRY_MAX_MS } from '../../common/limits.ts'
import { utc, zoneNamed } from '../../common/message/zone.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import type { Slab } from '../../common/pipeline/slab.ts'
import { systemRandom } from '../../common/random.ts'
import { Backoff } from '../../common/retry.ts'
import { workerOwner } from '../../common/worker.ts'
import type { FromWorker, OriginData, ToWorker, WorkerData } from './archive-protocol.ts'
import { Intake } from './intake.ts'

const { data, tell, listen, end } = workerOwner<ToWorker, FromWorker, WorkerData>()
const { folder, instance, parts, unsealed } = data

const origins = new Map<number, Origin>()
const intake = new Intake(folder, instance, (text, values) => tell({ kind: 'said', text, values }))
const backoff = new Backoff(systemRandom, ARCHIVE_RETRY_FIRST_MS, ARCHIVE_RETRY_MAX_MS)
let scheduled = false
let closing = false

intake.open(parts)
intake.sealLeft(unsealed)
tell({ kind: 'opened', settled: intake.settled })

listen((message) => {
  switch (message.kind) {
    case 'origin':
      if (message.first) origins.clear()
      origins.set(message.number, originOf(message.origin))
      return
    case 'write':
      intake.add({ id: message.id, batch: batchOf(message) })
      schedule()
      return
    case 'streams':
      intake.add({ id: message.id, change: message })
      schedule()
      return
    case 'marks':
      tell({ kind: 'marks', id: message.id, positions: intake.marks(message.streams) })
      return
    case 'close':
      closing = true
      schedule()
      return
    case 'stop':
      end()
  }
})

/** Works when everything that has been posted is in. */
function schedule(): void {
  if (scheduled) return
  scheduled = true
  systemClock.soon(work)
}

function work(): void {
  scheduled = false
  try {
    if (intake.hasWork) tell({ kind: 'settled', ...intake.commit() })
    const merged = intake.merge()
    backoff.reset()
    if (merged || intake.hasWork) schedule()
    else if (closing) {
      intake.close()
      tell({ kind: 'closed' })
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const waitMs = backoff.nextMs()
    tell({ kind: 'trouble', code: error.code, detail: error.detail, waitMs })
    scheduled = true
    systemClock.after(waitMs, work)
  }
}

function originOf({ peer, zone, host, program, received, ...rest }: OriginData): Origin {
  return {
    ...rest,
    ...(peer !== undefined && { peer }),
    ...(received !== undefined && { received }),
    zone: zoneNamed(zone) ?? utc,
    host: Buffer.from(host),
    program: Buffer.from(program),
  }
}

function batchOf({ buffer, byteOffset, length, ...rest }: Extract<ToWorker, { kind: 'write' }>): Batch {
  const { bounds, count, received, marks } = rest
  const bytes = Buffer.from(buffer, byteOffset, length)
  const slab = { bytes, view: new DataView(buffer, byteOffset, length) } as unknown as Slab
  const runs = rest.runs.map(({ count, origin, stream }) => {
    const known = origins.get(origin)
    assert(known !== undefined, 'an origin is told before its first write')
    return { count, origin: known, ...(stream && { stream }) }
  })
  return { slab, bounds, count, received, runs, ...(marks && { marks }) }
}
