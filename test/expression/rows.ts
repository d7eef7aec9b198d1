// Messages in the form that tests write them, and their conversion to rows of bytes.

import type { Rows, RowRun } from '../../common/expression/rows.ts'
import { tablePriorities } from '../../common/message/headers.ts'
import { utc } from '../../common/message/zone.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import {
  FORMAT_RAW,
  FORMAT_RFC5424,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  NO_ZONE,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
} from '../../common/pipeline/header-table.ts'

export interface Sample {
  readonly priority?: number
  readonly host?: string
  readonly program?: string
  readonly pid?: string
  readonly msgid?: string
  readonly sd?: string
  readonly message?: string
  /** µs since the epoch. */
  readonly time?: number
  /** Whether it is a line without a header. */
  readonly raw?: boolean
  readonly origin?: Partial<OriginSample>
  /** When the first sluice received it, µs since the epoch; `RECEIVED` if absent. */
  readonly received?: number | undefined
}

export interface OriginSample {
  readonly source: string
  readonly peer: string | undefined
  readonly host: string
  readonly hostForced: boolean
  readonly program: string
}

export const RECEIVED = Date.UTC(2026, 10, 20, 10) * 1000

export function originOf(sample: Partial<OriginSample> = {}): Origin {
  const { source = 'network', peer, host = 'fallback', hostForced = false, program = 'stand-in' } = sample
  return {
    ...{ source, lines: 'syslog' as const, zone: utc, priority: 13, hostForced },
    ...{ host: Buffer.from(host), program: Buffer.from(program) },
    ...(peer !== undefined && { peer }),
  }
}

const fields = [
  ['host', HOST],
  ['program', PROGRAM],
  ['pid', PID],
  ['msgid', MSGID],
  ['sd', STRUCTURED_DATA],
  ['message', MESSAGE],
] as const

/** Rows of these messages, with some unrelated bytes between their fields. */
export function rowsOf(samples: readonly Sample[]): Rows {
  const pieces: Buffer[] = []
  let at = 0
  const add = (text: string): number => {
    const piece = Buffer.from(text)
    pieces.push(piece)
    at += piece.length
    return at
  }
  const count = samples.length
  const cells = new Int32Array(count * ROW)
  const times = new Float64Array(count)
  const zones = new Int16Array(count).fill(NO_ZONE)
  const runs: RowRun[] = []
  for (const [i, sample] of samples.entries()) {
    cells[i * ROW + PRIORITY] = sample.priority ?? 13
    cells[i * ROW + KIND] = sample.raw ? FORMAT_RAW : FORMAT_RFC5424
    times[i] = sample.time ?? NaN
    for (const [name, cell] of fields) {
      cells[i * ROW + cell] = add('a1')
      cells[i * ROW + cell + 1] = add(sample[name] ?? '')
    }
    const { origin, received } = sample
    runs.push({ count: 1, origin: originOf(origin), ...(received !== undefined && { received }) })
  }
  add('a1')
  const table = { count, cells, times, zones }
  return {
    ...{ count, table, runs, bytes: Buffer.concat(pieces), received: RECEIVED, now: RECEIVED },
    writePriorities: (into) => tablePriorities(table, into),
  }
}
