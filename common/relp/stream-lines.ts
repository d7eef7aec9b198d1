// The data of `marks`, of its answer and of `retire`: one line per stream with its id in 32 hexadecimal digits and,
// in the answer to `marks`, its position in decimal.
//
//   9f0c1d2e3b4a59687786a5b4c3d2e1f0 145000⏎
//   0123456789abcdef0123456789abcdef 0

import { RELP_STREAMS_MAX } from '../limits.ts'

export function writeStreams(ids: Iterable<string>): string {
  return [...ids].join('\n')
}

export function writePositions(positions: ReadonlyMap<string, number>): string {
  return [...positions].map(([id, position]) => `${id} ${position}`).join('\n')
}

/** Reads a list of ids; undefined if it is malformed or longer than one frame may be. */
export function readStreams(bytes: Buffer, start: number, end: number): string[] | undefined {
  const lines = linesOf(bytes, start, end, LINE_BYTES_ID)
  return lines?.every((line) => /^[0-9a-f]{32}$/.test(line)) ? lines : undefined
}

/** Reads a list of ids and positions; undefined if it is malformed or longer than one frame may be. */
export function readPositions(bytes: Buffer, start: number, end: number): Map<string, number> | undefined {
  const positions = new Map<string, number>()
  for (const line of linesOf(bytes, start, end, LINE_BYTES_POSITION) ?? ['']) {
    const fields = /^([0-9a-f]{32}) (\d{1,16})$/.exec(line)
    const position = Number(fields?.[2])
    if (!fields || !Number.isSafeInteger(position)) return undefined
    positions.set(fields[1], position)
  }
  return positions
}

const LINE_BYTES_ID = 33
const LINE_BYTES_POSITION = 50

function linesOf(bytes: Buffer, start: number, end: number, lineBytes: number): string[] | undefined {
  if (end - start > RELP_STREAMS_MAX * lineBytes) return undefined
  if (end > start && bytes[end - 1] === 0x0a) end -= 1
  if (start === end) return []
  const lines = bytes.toString('latin1', start, end).split('\n')
  return lines.length <= RELP_STREAMS_MAX ? lines : undefined
}
