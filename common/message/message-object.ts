// A message as one object with named fields: what `sluice parse` prints and the `json` format writes.

import { isUtf8 } from 'node:buffer'
import { receivedOf, type Batch, type Origin, type Run } from '../pipeline/batch.ts'
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
  type HeaderTable,
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

export const formatNames = ['raw', 'rfc3164', 'rfc5424'] as const

/** A message of which a header table has the cells. */
export interface MessageCells {
  /** What the cells point into. */
  readonly bytes: Buffer
  readonly cells: HeaderTable['cells']
  /** Index of its row. */
  readonly row: number
  /** Its own time, µs since the epoch; NaN if it has none. */
  readonly time: number
  /** '' if it has none. */
  readonly host: string
  /** '' if it has none. */
  readonly program: string
  /** All of it, as it was received. */
  readonly whole: Buffer
}

/** Where and when a message was received. */
export interface Receipt {
  /** µs since the epoch. */
  readonly received: number
  readonly peer?: string | undefined
  readonly source: string
}

/** A message as an object. */
export function objectOf({ bytes, cells, row, time, host, program, whole }: MessageCells): MessageObject {
  const first = row * ROW
  const kind = cells[first + KIND]
  const text = (cell: number) => bytes.toString('utf8', cells[first + cell], cells[first + cell + 1])
  const present = (cell: number) => cells[first + cell + 1] > cells[first + cell]
  const field = (name: string, cell: number) => (present(cell) ? { [name]: text(cell) } : {})
  return {
    facility: facilityNames[cells[first + PRIORITY] >> 3],
    severity: severityNames[cells[first + PRIORITY] & 7],
    ...(Number.isNaN(time) ? {} : { time: utcText(time) }),
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
export function jsonOf(message: MessageObject, { received, peer, source }: Receipt): string {
  return JSON.stringify({
    ...message,
    received: utcText(received),
    ...(peer === undefined ? {} : { from: peer }),
    source,
  })
}

/** Returns message i of a batch as an object; `origin` is that of its run. */
export function messageObject(batch: Batch, i: number, origin: Origin): MessageObject {
  const { cells, times } = headersOf(batch)
  const { bytes } = batch.slab
  const row = i * ROW
  const text = (cell: number) => bytes.toString('utf8', cells[row + cell], cells[row + cell + 1])
  const isRaw = (cells[row + KIND] & FORMAT_MASK) === FORMAT_RAW
  return objectOf({
    ...{ bytes, cells, row: i, time: times[i] },
    host: (origin.hostForced === true ? '' : text(HOST)) || origin.host.toString(),
    program: text(PROGRAM) || (isRaw ? origin.program.toString() : ''),
    whole: bytes.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1]),
  })
}

/** Message i of a batch in the `json` format. */
export function messageJson(batch: Batch, i: number, run: Run): string {
  const { origin } = run
  return jsonOf(messageObject(batch, i, origin), { ...origin, received: receivedOf(batch, run) })
}
