// Lines by a template. What a sender says is written as in the named formats: LF, CR and NUL become `#012`, `#015`,
// `#000`, so that nobody forges a line.

import { batchZone } from '../common/message/batch-zone.ts'
import { headersOf } from '../common/message/headers.ts'
import type { LineFormat } from '../common/message/line-format.ts'
import { Output } from '../common/message/output.ts'
import { facilityNames, severityNames } from '../common/message/priority.ts'
import { parseStructuredData } from '../common/message/structured-data.ts'
import { IsoTimeWriter } from '../common/message/time-text.ts'
import { receivedOf, type Batch, type Origin, type Run } from '../common/pipeline/batch.ts'
import { HOST, MESSAGE, MSGID, PID, PRIORITY, PROGRAM, ROW, STRUCTURED_DATA } from '../common/pipeline/header-table.ts'
import { receiptParts, templatePieces, type TemplateField } from './template.ts'

const iso = new IsoTimeWriter()

/** The format that a template describes; throws CONFIG_TEMPLATE. */
export function lineTemplate(text: string): LineFormat {
  const pieces = templatePieces(text).map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece.field))
  return {
    write(batch, i, run, output) {
      for (const piece of pieces) {
        if (typeof piece === 'string') writeField(batch, i, run, piece, output)
        else output.fixed(piece)
      }
    },
  }
}

const scratch = new Output()

/** A field as text. */
export function fieldText(batch: Batch, i: number, run: Run, field: TemplateField): string {
  scratch.clear()
  writeField(batch, i, run, field, scratch)
  return scratch.written.toString('utf8')
}

const cellOf: Partial<Record<TemplateField, number>> = {
  host: HOST,
  program: PROGRAM,
  pid: PID,
  msgid: MSGID,
  message: MESSAGE,
}

function writeField(batch: Batch, i: number, run: Run, field: TemplateField, output: Output): void {
  const { origin } = run
  const table = headersOf(batch)
  const row = i * ROW
  const cell = cellOf[field]
  if (cell !== undefined) {
    const from = table.cells[row + cell]
    const to = table.cells[row + cell + 1]
    if (field === 'host' && (from === to || origin.hostForced)) output.lineText(origin.host)
    else if (field === 'program' && from === to) output.lineText(origin.program)
    else output.line(batch.slab, from, to)
    return
  }
  if (field === 'time' && !Number.isNaN(table.times[i])) iso.write(table.times[i], table.zones[i], output)
  else if (field === 'time') iso.write(receivedOf(batch, run), batchZone(batch), output)
  else if (field === 'received') iso.write(batch.received, batchZone(batch), output)
  else output.text(escaped(otherText(batch, table.cells, row, origin, field)))
}

function otherText(batch: Batch, cells: Int32Array, row: number, origin: Origin, field: TemplateField): string {
  const priority = cells[row + PRIORITY]
  if (field === 'facility') return facilityNames[priority >> 3]
  if (field === 'severity') return severityNames[priority & 7]
  if (field === 'source') return origin.source
  if (field === 'peer' || field === 'from') return origin.peer ?? ''
  if (field.startsWith('sd.')) {
    const dot = field.lastIndexOf('.')
    const from = cells[row + STRUCTURED_DATA]
    const to = cells[row + STRUCTURED_DATA + 1]
    if (from === to) return ''
    const data = parseStructuredData(batch.slab.bytes.toString('utf8', from, to))
    const element = Object.hasOwn(data, field.slice(3, dot)) ? data[field.slice(3, dot)] : {}
    const name = field.slice(dot + 1)
    return Object.hasOwn(element, name) ? [element[name]].flat().join(',') : ''
  }
  const part = receiptParts[field]
  if (!part) return ''
  const local = batch.received / 1000 + batchZone(batch) * 60_000
  return new Date(local).toISOString().slice(part[0], part[1])
}

const escapes: Record<string, string> = { '\n': '#012', '\r': '#015', '\0': '#000' }
const escaped = (text: string) => text.replaceAll(/[\n\r\0]/g, (control) => escapes[control])
