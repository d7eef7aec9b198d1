// Rebuilds the bytes of a header from the columns (`shape.ts` describes the layout).

import type { Texts } from './columns.ts'
import type { DecodedBlock } from './decoded-block.ts'
import { FIRST_FIELD, HAS_PRIORITY, HAS_TIME } from './shape.ts'
import { timeBytes, writeTime } from './time-form.ts'

/** The bytes of message i before its text, in pieces. */
export function rebuildHeader(block: DecodedBlock, i: number): Uint8Array[] {
  const shape = block.shapes[block.shapeIds[i]]
  if (shape.kept) {
    const { texts, numbers } = block.keptHeaders
    return [textOf(texts, numbers[i])]
  }
  const pieces: Uint8Array[] = []
  let gap = 0
  if ((shape.fields & HAS_PRIORITY) !== 0) pieces.push(Buffer.from(`<${block.priorities[i]}>`))
  if ((shape.fields & HAS_TIME) !== 0) {
    const text = new Uint8Array(timeBytes(shape.form, shape.digits))
    writeTime(text, 0, block.times[i], shape.zone, shape.form, shape.digits)
    pieces.push(shape.gaps[gap++], text)
  }
  for (let field = 0, bit = FIRST_FIELD; field < fieldTexts.length; field += 1, bit <<= 1) {
    if ((shape.fields & bit) !== 0) pieces.push(shape.gaps[gap++], fieldTexts[field](block, i))
  }
  pieces.push(shape.gaps[gap])
  return pieces
}

// In the order of the bits of `Shape.fields`, from `FIRST_FIELD` on.
const fieldTexts: readonly ((block: DecodedBlock, i: number) => Uint8Array)[] = [
  (block, i) => textOf(block.hosts, block.hostIds[i]),
  (block, i) => textOf(block.programs, block.programIds[i]),
  (block, i) => block.pid(i),
  (block, i) => textOf(block.msgids, block.msgidIds[i]),
  (block, i) => textOf(block.structuredData, i),
]

function textOf({ bytes, starts }: Texts, i: number): Uint8Array {
  return bytes.subarray(starts[i], starts[i + 1])
}

/** The length of a message's header in bytes. */
export function headerLength(block: DecodedBlock, i: number): number {
  let length = 0
  for (const piece of rebuildHeader(block, i)) length += piece.length
  return length
}
