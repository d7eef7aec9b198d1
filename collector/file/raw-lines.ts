// The `raw` line format: every message's bytes as they came, and a newline.

import type { Batch } from '../../common/pipeline/batch.ts'
import type { LineFormat } from './file-destination.ts'
import type { Output } from './output.ts'

const NEWLINE = 10

export const rawLines: LineFormat = {
  writeLines(batch: Batch, output: Output): void {
    for (let i = 0; i < batch.count; i += 1) writeRawLine(batch, i, output)
  },
  writeLine: writeRawLine,
}

function writeRawLine({ slab, bounds }: Batch, i: number, output: Output): void {
  const start = bounds[2 * i]
  const end = bounds[2 * i + 1]
  output.reserve(end - start + 1)
  slab.bytes.copy(output.bytes, output.length, start, end)
  output.length += end - start
  output.bytes[output.length++] = NEWLINE
}
