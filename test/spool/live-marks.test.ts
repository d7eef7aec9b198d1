// Which marks a spool forgets, and when.

import { expect, test } from 'vitest'
import { MARK_KEPT_DAYS, RETIRED_MARK_KEPT_DAYS, SPOOL_MARKS_MAX } from '../../common/limits.ts'
import { ADVANCE, LiveMarks, RETIRE } from '../../common/spool/live-marks.ts'

const TODAY = 20_000

/** Marks of streams that advanced on these days, in this order. */
function marksOf(...streams: (readonly [id: string, day: number])[]): LiveMarks {
  const marks = new LiveMarks()
  for (const [id, day] of streams) marks.apply({ id, kind: ADVANCE, position: 1, day })
  return marks
}

test('a mark is kept for 90 days after its last change', () => {
  const marks = marksOf(['kept', TODAY - MARK_KEPT_DAYS], ['over', TODAY - MARK_KEPT_DAYS - 1])
  expect(marks.expire(TODAY)).toBe(0)
  expect([...marks.all.keys()]).toEqual(['kept'])
})

test('the mark of an ended stream is kept for 7 days after the end', () => {
  const marks = marksOf(['kept', TODAY - 60], ['over', TODAY - 60])
  marks.apply({ id: 'kept', kind: RETIRE, position: 0, day: TODAY - RETIRED_MARK_KEPT_DAYS })
  marks.apply({ id: 'over', kind: RETIRE, position: 0, day: TODAY - RETIRED_MARK_KEPT_DAYS - 1 })
  marks.expire(TODAY)
  expect([...marks.all]).toEqual([['kept', { position: 1, day: TODAY - RETIRED_MARK_KEPT_DAYS, retired: true }]])
})

test('of too many streams, those that have been silent for longest are forgotten, down to three quarters', () => {
  const marks = marksOf(...Array.from({ length: SPOOL_MARKS_MAX }, (_, i) => [`s${i}`, TODAY] as const))
  expect(marks.expire(TODAY)).toBe(0)
  marks.apply({ id: 's0', kind: ADVANCE, position: 2, day: TODAY })
  marks.apply({ id: 'another', kind: ADVANCE, position: 1, day: TODAY })
  expect(marks.expire(TODAY)).toBe(SPOOL_MARKS_MAX / 4 + 1)
  expect(marks.all.size).toBe((3 * SPOOL_MARKS_MAX) / 4)
  const known = ['s0', 's1', `s${SPOOL_MARKS_MAX / 4 + 1}`, `s${SPOOL_MARKS_MAX / 4 + 2}`, 'another']
  expect(known.filter((id) => marks.positionOf(id) !== undefined)).toEqual(['s0', known[3], 'another'])
})
