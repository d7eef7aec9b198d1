// The worker thread that writes an archive: parsing, encoding, commits and merges all run here, off the main thread.

import { availableParallelism } from 'node:os'
import { systemClock, type Cancel } from '../../common/clock.ts'
import { Fault } from '../../common/fault.ts'
import { ARCHIVE_RETRY_FIRST_MS, ARCHIVE_RETRY_MAX_MS } from '../../common/limits.ts'
import { systemRandom } from '../../common/random.ts'
import { Backoff } from '../../common/retry.ts'
import { workerOwner } from '../../common/worker.ts'
import { prepareZstdDecompress } from '../../common/zstd.ts'
import type { FromWorker, ToWorker, WorkerData } from './archive-protocol.ts'
import { BatchReader } from './batch-reader.ts'
import type { Report } from './future-parts.ts'
import { Intake } from './intake.ts'
import { SecondEncoder } from './second-encoder.ts'
import { loadSqlite } from './sqlite.ts'

const { data, tell, listen, end } = workerOwner<ToWorker, FromWorker, WorkerData>()
const { folder, instance, partBytesMax, parts, unsealed } = data

const batches = new BatchReader()
const report: Report = (text, values) => tell({ kind: 'warning', text, values })
const second = availableParallelism() > 1 ? new SecondEncoder(batches, schedule, report) : undefined
const intake = new Intake(folder, instance, partBytesMax, report, second)
const backoff = new Backoff(systemRandom, ARCHIVE_RETRY_FIRST_MS, ARCHIVE_RETRY_MAX_MS)
// A sender that waits for an acknowledgement sends more as soon as it has it. A merge that starts right after a commit would
// delay that next commit, so merges start only after a pause of this length.
const MERGE_QUIET_MS = 50

let committedMs = -Infinity
let cancelMerge: Cancel | undefined
let scheduled = false
let closing = false
let stopping = false

loadSqlite()
// A block that cannot be decompressed counts as damaged, and so does its part.
prepareZstdDecompress()
intake.open(parts)
intake.sealLeft(unsealed)
tell({ kind: 'opened', settled: intake.settled })

listen((message) => {
  switch (message.kind) {
    case 'origin':
      batches.define(message)
      return
    case 'write':
      intake.add({ id: message.id, batch: batches.read(message), data: message })
      schedule()
      return
    case 'streams':
      intake.add({ id: message.id, change: message })
      schedule()
      return
    case 'marks':
      tell({ kind: 'marks', positions: intake.marks(message.streams) })
      return
    case 'seal':
      intake.sealAgain(message.parts)
      return
    case 'close':
      closing = true
      schedule()
      return
    case 'stop':
      stopping = true
      void finish()
  }
})

async function finish(): Promise<void> {
  await second?.finish()
  end()
}

function mergeInQuiet(): void {
  cancelMerge = undefined
  schedule()
}

/** Runs `work` once, after all messages that have already been posted to this thread are handled. */
function schedule(): void {
  if (scheduled) return
  scheduled = true
  systemClock.soon(work)
}

function work(): void {
  scheduled = false
  if (stopping) return
  try {
    const committed = intake.hasWork ? intake.step() : undefined
    if (committed) {
      tell({ kind: 'settled', ...committed })
      intake.gather()
      committedMs = systemClock.monotonicMs()
    }
    const waitMs = closing || intake.mustMerge ? 0 : committedMs + MERGE_QUIET_MS - systemClock.monotonicMs()
    const merged = waitMs <= 0 && intake.merge()
    backoff.reset()
    if (intake.isWaiting) return
    if (merged || intake.hasWork) schedule()
    else if (closing) {
      intake.close()
      tell({ kind: 'closed' })
    } else if (waitMs > 0) cancelMerge ??= systemClock.after(waitMs, mergeInQuiet)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const waitMs = backoff.nextMs()
    tell({ kind: 'trouble', code: error.code, detail: error.detail, waitMs })
    scheduled = true
    systemClock.after(waitMs, work)
  }
}
