// The merge of blocks by time if they have more messages than may be held in memory.

import { expect, test } from 'vitest'
import type { StoredBlock } from '../../collector/search/stored-block.ts'
import { BlockOrder, Timeline } from '../../collector/search/timeline.ts'
import { SEARCH_HELD_MESSAGES_MAX } from '../../common/limits.ts'

const BLOCKS = 20
const PER_BLOCK = Math.ceil((1.1 * SEARCH_HELD_MESSAGES_MAX) / BLOCKS)

const stored: StoredBlock[] = Array.from({ length: BLOCKS }, (_, order) => ({
  ...{ order, count: PER_BLOCK, timeMin: 0, timeMax: PER_BLOCK - 1, hosts: undefined, programs: undefined },
  hasPriority: () => true,
  mayHold: () => true,
  open: () => {
    throw new Error('nothing is opened here')
  },
}))

test.each([false, true])('more messages than fit in memory are merged in order (backwards: %s)', (backwards) => {
  const selected = Uint32Array.from({ length: PER_BLOCK }, (_, row) => row)
  const times = Float64Array.from(selected)
  const seen = stored.map(() => 0)
  let asked = 0
  const timeline = new Timeline(new BlockOrder(stored, backwards), {
    rowsOf: () => {
      asked += 1
      return selected
    },
    timesOf: () => times,
  })
  let last = backwards ? Infinity : -Infinity
  let misplaced = 0
  while (timeline.next()) {
    const { time, order, row } = timeline.position
    const place = time * BLOCKS + order
    if (backwards ? place >= last : place <= last) misplaced += 1
    if (row !== (backwards ? PER_BLOCK - 1 - seen[order] : seen[order])) misplaced += 1
    seen[order] += 1
    last = place
  }
  expect(misplaced).toBe(0)
  expect(seen).toEqual(stored.map(() => PER_BLOCK))
  // Blocks whose messages do not fit are read again, but only a few times each.
  expect(asked).toBeGreaterThan(BLOCKS)
  expect(asked).toBeLessThan(10 * BLOCKS)
})
