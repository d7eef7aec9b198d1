// Parts of a batch: what a route selects, and what goes to one receiver of several.

import { expect, test } from 'vitest'
import { headersOf } from '../../common/message/headers.ts'
import { releaseBatch, selectMessages, type Batch } from '../../common/pipeline/batch.ts'
import { ROW } from '../../common/pipeline/header-table.ts'
import { writeParts } from '../../common/pipeline/parts-of-batch.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { textsOf } from '../fake/sink.ts'
import { batch } from './batches.ts'

const texts = [
  '<13>Nov 23 10:00:00 web su[1]: a',
  'b',
  '<34>1 2026-11-23T10:00:00Z db app 7 ID - c',
  '<14>cron: d',
  'e',
]

function marked(pool: SlabPool): Batch {
  const whole = batch([{ texts: texts.slice(0, 3), source: 'file', from: 100 }, { texts: texts.slice(3) }], pool)
  return { ...whole, marks: Uint32Array.of(0, 1, 2, 4, 0) }
}

/** All that the header table of a batch says. */
function headersIn(of: Batch) {
  const { cells, times, zones, count } = headersOf(of)
  return [cells.slice(0, count * ROW), times.slice(0, count), zones.slice(0, count)]
}

test.each([
  ['some messages', [1, 0, 1, 1, 0]],
  ['all messages', [1, 1, 1, 1, 1]],
  ['the messages of one run', [0, 0, 0, 1, 1]],
])('a selection of %s has their texts, framing defects, headers and ends of the stream', (_, selected) => {
  const pool = new SlabPool()
  const whole = marked(pool)
  headersOf(whole)
  const part = selectMessages(whole, Uint8Array.from(selected))
  const kept = [0, 1, 2, 3, 4].filter((i) => selected[i] === 1)
  expect(textsOf(part)).toEqual(kept.map((i) => texts[i]))
  expect([...part.marks!]).toEqual(kept.map((i) => whole.marks![i]))
  expect(part.headers).toBeDefined()
  expect(part.headers).not.toBe(whole.headers)
  expect(headersIn(part)).toEqual(headersIn({ ...part, headers: undefined }))
  const ends = kept.filter((i) => i < 3).map((i) => 10 * (i + 1))
  expect(part.runs[0]).toMatchObject({ count: ends.length, stream: { from: 100, to: 130 } })
  expect([...part.runs[0].stream!.ends]).toEqual(ends)
  releaseBatch(part)
  expect(pool.bytesOut).toBeGreaterThan(0)
  releaseBatch(whole)
  expect(pool.bytesOut).toBe(0)
})

test('runs for different receivers are written to each with their texts and framing defects', async () => {
  const pool = new SlabPool()
  const whole = marked(pool)
  const written: unknown[] = []
  await writeParts(whole, [1, 0], (lane, part) => {
    written.push([lane, textsOf(part), [...part.marks!], part.runs.map(({ count }) => count)])
    return Promise.resolve()
  })
  expect(written).toEqual([
    [1, texts.slice(0, 3), [0, 1, 2], [3]],
    [0, texts.slice(3), [4, 0], [2]],
  ])
  releaseBatch(whole)
  expect(pool.bytesOut).toBe(0)
})
