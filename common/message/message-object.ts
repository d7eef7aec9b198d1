// A message as one object with named fields: what `sluice parse` prints and the `json` format writes.

import { isUtf8 } from 'node:buffer'
import type { Batch, Origin } from '../pipeline/batch.ts'
import {
  DEFECTS_SHIFT,
  FORMAT_MASK,
  FORMAT_RAW,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  PID,
  PRIORITY,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
} from '../pipeline/header-table.ts'
import { defectsOf, type DefectCode } from './defects.ts'
import { headersOf } from './headers.ts'
import { facilityNames, severityNames } from './priority.ts'
import { parseStructuredData, type StructuredData } from './structured-data.ts'
import { utcText } from './time-text.ts'

/** Fields that the message lacks are absent. */
export interface MessageObject {
  readonly facility: string
  readonly severity: string
  /** RFC 3339 in UTC, with six fractional digits. */
  readonly time?: string
  readonly host?: string
  readonly program?: string
  readonly pid?: string
  readonly msgid?: string
  readonly sd?: StructuredData
  /** The text; bytes that are not UTF-8 appear as U+FFFD. */
  readonly message: string
  readonly format: 'rfc5424' | 'rfc3164' | 'raw'
  readonly defects: readonly DefectCode[]
  /** The whole message in base64; present only if it is not valid UTF-8. */
  readonly raw?: string
}

const formatNames = ['raw', 'rfc3164', 'rfc5424'] as const

/** Returns message i of a batch as an object; `origin` is that of its run. */
export function messageObject(batch: Batch, i: number, origin: Origin): MessageObject {
  const { cells, times } = headersOf(batch)
  const row = i * ROW
  const { bytes } = batch.slab
  const kind = cells[row + KIND]
  const text = (cell: number) => bytes.toString('utf8', cells[row + cell], cells[row + cell + 1])
  const present = (cell: number) => cells[row + cell + 1] > cells[row + cell]
  const field = (name: string, cell: number) => (present(cell) ? { [name]: text(cell) } : {})
  const host = present(HOST) && origin.hostForced !== true ? text(HOST) : origin.host.toString()
  const raw = (kind & FORMAT_MASK) === FORMAT_RAW
  const program = present(PROGRAM) ? text(PROGRAM) : raw ? origin.program.toString() : ''
  const whole = bytes.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1])
  return {
    facility: facilityNames[cells[row + PRIORITY] >> 3],
    severity: severityNames[cells[row + PRIORITY] & 7],
    ...(Number.isNaN(times[i]) ? {} : { time: utcText(times[i]) }),
    ...(host === '' ? {} : { host }),
    ...(program === '' ? {} : { program }),
    ...field('pid', PID),
    ...field('msgid', MSGID),
    ...(present(STRUCTURED_DATA) ? { sd: parseStructuredData(text(STRUCTURED_DATA)) } : {}),
    message: text(MESSAGE),
    format: formatNames[kind & FORMAT_MASK],
    defects: defectsOf(kind >>> DEFECTS_SHIFT),
    // isUtf8 does not accept shared memory, hence the copy.
    ...(isUtf8(Buffer.from(whole)) ? {} : { raw: whole.toString('base64') }),
  }
}

/** The `json` format: the keys of `MessageObject`, plus where and when the message was received. */
export function messageJson(batch: Batch, i: number, origin: Origin): string {
  return JSON.stringify({
    ...messageObject(batch, i, origin),
    received: utcText(origin.received ?? batch.received),
    ...(origin.peer === undefined ? {} : { from: origin.peer }),
    source: origin.source,
  })
}
