// Adds the messages of a stored block to one that is being built: this is how small blocks are merged. No header is parsed
// again, so a merge cannot change how a message was understood when it came in.

import type { BlockBuilder, Row } from './block-builder.ts'
import { viewOf } from './byte-ranges.ts'
import { NO_PID, PID_IS_TEXT, type Texts } from './columns.ts'
import type { DecodedBlock } from './decoded-block.ts'
import type { Dictionary } from './dictionary.ts'

const row: Row = {
  ...{ time: NaN, received: 0, priority: 0, sender: 0, msgid: 0, origin: 0, shape: 0, unit: 0 },
  ...{ pid: NO_PID, defects: 0, rawBytes: 0 },
}

/** Adds all messages of `block`. The encoded entries of its dictionary of shapes are copied as bytes. */
export function addBlock(block: DecodedBlock, builder: BlockBuilder): void {
  const { times, received, priorities, defects, shapes, pids, pidTextNumbers, messages, structuredData } = block
  const { shapeIds, hostIds, programIds, msgidIds, originIds, keptHeaders } = block
  const newShapes = renumber(block.shapeTexts, builder.shapes)
  const { hosts, programs } = block
  const hostTexts = viewOf(hosts.bytes)
  const programTexts = viewOf(programs.bytes)
  const newMsgids = renumber(block.msgids, builder.msgids)
  const newOrigins = renumber(block.originTexts, builder.origins)
  const texts = viewOf(messages.bytes)
  const data = viewOf(structuredData.bytes)
  const headers = viewOf(keptHeaders.texts.bytes)
  const pidTexts = viewOf(pids.texts.bytes)
  for (let i = 0; i < block.count; i += 1) {
    const shape = shapeIds[i]
    const [hostAt, hostEnd] = [hosts.starts[hostIds[i]], hosts.starts[hostIds[i] + 1]]
    const [programAt, programEnd] = [programs.starts[programIds[i]], programs.starts[programIds[i] + 1]]
    // Assigned field by field: building a new object by spreading several took 3 µs, as much as all the rest of a message.
    row.time = times[i]
    row.received = received[i]
    row.priority = priorities[i]
    row.defects = defects[i]
    row.sender = builder.senders.find(hostTexts, hostAt, hostEnd, programTexts, programAt, programEnd)
    row.msgid = newMsgids[msgidIds[i]]
    row.origin = newOrigins[originIds[i]]
    row.shape = newShapes[shape]
    row.unit = shapes[shape].unit
    row.pid = pids.numbers[i]
    row.rawBytes = block.rawLength(i)
    builder.row(row)
    if (row.pid === PID_IS_TEXT) builder.pidText(pidTexts, ...rangeOf(pids.texts, pidTextNumbers[i]))
    builder.message(row, texts, ...rangeOf(messages, i))
    builder.structuredData(data, ...rangeOf(structuredData, i))
    const kept = keptHeaders.numbers[i]
    if (kept >= 0) builder.keptHeader(headers, ...rangeOf(keptHeaders.texts, kept))
  }
}

/** Maps the entries of a block's dictionary to their numbers in the builder's dictionary. */
function renumber({ bytes, starts }: Texts, dictionary: Dictionary): Uint32Array {
  const numbers = new Uint32Array(starts.length - 1)
  const view = viewOf(bytes)
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = dictionary.idOf(view, starts[i], starts[i + 1])
  return numbers
}

const rangeOf = ({ starts }: Texts, i: number): [number, number] => [starts[i], starts[i + 1]]
