// The `json` format as destinations write it: byte for byte what `messageJson` returns, without a string or an object
// per message. Those took 40 µs of CPU per message, a third of it in the garbage collector: thirty times as long
// as a line in the format `iso`.

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
} from '../pipeline/header-table.ts'
import { defectsOf } from './defects.ts'
import { headersOf } from './headers.ts'
import { isAscii, writeJsonText } from './json-text.ts'
import { formatNames, messageJson } from './message-object.ts'
import type { Output } from './output.ts'
import { facilityNames, severityNames } from './priority.ts'
import { parseStructuredData } from './structured-data.ts'
import { IsoTimeWriter } from './time-text.ts'

const QUOTE = 0x22
const CLOSE = 0x7d
const LETTER_Z = 0x5a
const OFFSET_BYTES = '+00:00'.length

/** Writes message i of the batch, which belongs to `run`, without a newline. */
export function writeJson(batch: Batch, i: number, run: Run, output: Output): void {
  const { slab, bounds } = batch
  const start = bounds[2 * i]
  const end = bounds[2 * i + 1]
  // isUtf8 does not accept shared memory, hence the copy.
  if (!isAscii(slab, start, end) && !isUtf8(Buffer.from(slab.bytes.subarray(start, end)))) {
    output.text(messageJson(batch, i, run))
    return
  }
  const { cells, times } = headersOf(batch)
  const row = i * ROW
  const origin = textsOf(run.origin)
  const kind = cells[row + KIND]
  output.fixed(priorityTexts[cells[row + PRIORITY]])
  if (!Number.isNaN(times[i])) writeTime(TIME, times[i], messageTime, output)
  if (isPresent(cells, row + HOST) && run.origin.hostForced !== true)
    writeField(KEY_HOST, batch, row + HOST, cells, output)
  else output.fixed(origin.host)
  if (isPresent(cells, row + PROGRAM)) writeField(KEY_PROGRAM, batch, row + PROGRAM, cells, output)
  else if ((kind & FORMAT_MASK) === FORMAT_RAW) output.fixed(origin.program)
  if (isPresent(cells, row + PID)) writeField(KEY_PID, batch, row + PID, cells, output)
  if (isPresent(cells, row + MSGID)) writeField(KEY_MSGID, batch, row + MSGID, cells, output)
  if (isPresent(cells, row + STRUCTURED_DATA)) {
    output.fixed(KEY_SD)
    const text = slab.bytes.toString('utf8', cells[row + STRUCTURED_DATA], cells[row + STRUCTURED_DATA + 1])
    output.text(JSON.stringify(parseStructuredData(text)))
  }
  writeField(KEY_MESSAGE, batch, row + MESSAGE, cells, output)
  output.fixed(kindText(kind))
  writeTime(RECEIVED, receivedOf(batch, run), receiptTime, output)
  output.fixed(origin.rest)
  output.byte(CLOSE)
}

const isPresent = (cells: Int32Array, cell: number) => cells[cell + 1] > cells[cell]

const KEY_HOST = Buffer.from(',"host":"')
const KEY_PROGRAM = Buffer.from(',"program":"')
const KEY_PID = Buffer.from(',"pid":"')
const KEY_MSGID = Buffer.from(',"msgid":"')
const KEY_SD = Buffer.from(',"sd":')
const KEY_MESSAGE = Buffer.from(',"message":"')
const TIME = Buffer.from(',"time":"')
const RECEIVED = Buffer.from(',"received":"')

function writeField(key: Buffer, batch: Batch, cell: number, cells: Int32Array, output: Output): void {
  output.fixed(key)
  writeJsonText(batch.slab, cells[cell], cells[cell + 1], output)
  output.byte(QUOTE)
}

// One for each of the two times, since each remembers its last second.
const messageTime = new IsoTimeWriter()
const receiptTime = new IsoTimeWriter()

function writeTime(key: Buffer, time: number, writer: IsoTimeWriter, output: Output): void {
  output.fixed(key)
  writer.write(time, 0, output)
  output.length -= OFFSET_BYTES
  output.byte(LETTER_Z)
  output.byte(QUOTE)
}

/** `{"facility":"auth","severity":"crit"` of each priority. */
const priorityTexts = facilityNames.flatMap((facility) =>
  severityNames.map((severity) => Buffer.from(JSON.stringify({ facility, severity }).slice(0, -1))),
)

const kindTexts = new Map<number, Buffer>()

/** `,"format":"raw","defects":["PRI_MISSING"]`. */
function kindText(kind: number): Buffer {
  const known = kindTexts.get(kind)
  if (known !== undefined) return known
  const fields = { format: formatNames[kind & FORMAT_MASK], defects: defectsOf(kind >>> DEFECTS_SHIFT) }
  const text = members(fields)
  kindTexts.set(kind, text)
  return text
}

interface OriginTexts {
  readonly host: Buffer
  readonly program: Buffer
  /** Where it came from. */
  readonly rest: Buffer
}

const originTexts = new WeakMap<Origin, OriginTexts>()

function textsOf(origin: Origin): OriginTexts {
  const known = originTexts.get(origin)
  if (known !== undefined) return known
  const host = origin.host.toString()
  const program = origin.program.toString()
  const { peer, source } = origin
  const texts = {
    host: members(host === '' ? {} : { host }),
    program: members(program === '' ? {} : { program }),
    rest: members({ ...(peer === undefined ? {} : { from: peer }), source }),
  }
  originTexts.set(origin, texts)
  return texts
}

/** `,"a":1,"b":2`; nothing if there are none. */
function members(object: object): Buffer {
  const text = JSON.stringify(object).slice(1, -1)
  return Buffer.from(text === '' ? '' : `,${text}`)
}
