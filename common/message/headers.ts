// Parses the header fields of a batch when they are first needed, and keeps the result with the batch.

import type { Batch } from '../pipeline/batch.ts'
import { PRIORITY, ROW, takeHeaderTable, type HeaderTable } from '../pipeline/header-table.ts'
import { parseHeaders, parsePriorities } from './parse.ts'

/** The header table of a batch. It belongs to the batch: read it only until the batch's write settles. */
export function headersOf(batch: Batch): HeaderTable {
  if (batch.headers) return batch.headers
  const table = takeHeaderTable(batch.count)
  parseHeaders(batch, table)
  batch.headers = table
  return table
}

/** Writes the priority of each message to `into`. If the headers have not been parsed yet, only the PRI is read. */
export function prioritiesOf(batch: Batch, into: Uint8Array): void {
  if (batch.headers) tablePriorities(batch.headers, into)
  else parsePriorities(batch, into)
}

/** Writes the priority of each row to `into`. */
export function tablePriorities({ cells, count }: HeaderTable, into: Uint8Array): void {
  for (let i = 0, cell = PRIORITY; i < count; i += 1, cell += ROW) into[i] = cells[cell]
}
