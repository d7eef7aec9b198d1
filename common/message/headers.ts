// Header fields on first need: parsed once a batch, for whoever asks first, and kept with it.

import type { Batch } from '../pipeline/batch.ts'
import { PRIORITY, ROW, takeHeaderTable, type HeaderTable } from '../pipeline/header-table.ts'
import { parseHeaders, parsePriorities } from './parse.ts'

/** The header table of a batch. Belongs to the batch: read it until the batch's write settles. */
export function headersOf(batch: Batch): HeaderTable {
  if (batch.headers) return batch.headers
  const table = takeHeaderTable(batch.count)
  parseHeaders(batch, table)
  batch.headers = table
  return table
}

/** Writes each message's priority to `into`, reading no further than the PRI where nothing has parsed the headers yet. */
export function prioritiesOf(batch: Batch, into: Uint8Array): void {
  if (batch.headers) tablePriorities(batch.headers, into)
  else parsePriorities(batch, into)
}

/** Writes the priority of each row to `into`. */
export function tablePriorities({ cells, count }: HeaderTable, into: Uint8Array): void {
  for (let i = 0, cell = PRIORITY; i < count; i += 1, cell += ROW) into[i] = cells[cell]
}
