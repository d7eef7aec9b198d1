// Returns the fields of one message as text, for tests that compare them with an RFC or a manual.

import { defectsOf } from '../../common/message/defects.ts'
import { headersOf } from '../../common/message/headers.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import {
  DEFECTS_SHIFT,
  FORMAT_MASK,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
} from '../../common/pipeline/header-table.ts'
import { batchOf, originOf } from '../fake/batch.ts'

export const RECEIVED = Date.UTC(2026, 10, 23, 12) * 1000

export interface Fields {
  readonly pri: number
  readonly format: 'raw' | 'rfc3164' | 'rfc5424'
  readonly time?: string
  readonly zone?: number
  readonly host?: string
  readonly program?: string
  readonly pid?: string
  readonly msgid?: string
  readonly sd?: string
  readonly message: string
  readonly defects?: string[]
}

/** Absent fields are left out, and so are `defects` if there are none and `zone` if it is UTC. */
export function fieldsOf(message: string | Buffer, given: Partial<Origin> = {}, received = RECEIVED): Fields {
  const batch = batchOf([message], originOf(given), received)
  const { cells, times, zones } = headersOf(batch)
  const text = (cell: number) => batch.slab.bytes.toString('utf8', cells[cell], cells[cell + 1])
  const field = (name: string, cell: number) => (cells[cell] === cells[cell + 1] ? {} : { [name]: text(cell) })
  const time = times[0]
  const defects = defectsOf(cells[KIND] >>> DEFECTS_SHIFT)
  return {
    pri: cells[PRIORITY],
    format: (['raw', 'rfc3164', 'rfc5424'] as const)[cells[KIND] & FORMAT_MASK],
    ...(Number.isNaN(time) ? {} : { time: new Date(time / 1000).toISOString() }),
    ...(Number.isNaN(time) || zones[0] === 0 ? {} : { zone: zones[0] }),
    ...field('host', HOST),
    ...field('program', PROGRAM),
    ...field('pid', PID),
    ...field('msgid', MSGID),
    ...field('sd', STRUCTURED_DATA),
    message: text(MESSAGE),
    ...(defects.length > 0 ? { defects } : {}),
  }
}

/** Cells per row, for tests that iterate over tables. */
export { ROW }
