import { expect, test } from 'vitest'
import { defectBit, defectsOf } from '../../common/message/defects.ts'
import { headersOf } from '../../common/message/headers.ts'
import { DEFECTS_SHIFT, KIND, ROW } from '../../common/pipeline/header-table.ts'
import { batchOf, originOf } from '../fake/batch.ts'

test('a message has the defects of its frame and those of its header, and no other message has them', () => {
  const batch = batchOf(['<13>a', 'b', '<13>c'], originOf(), 0)
  const { cells } = headersOf({ ...batch, marks: Uint32Array.of(0, defectBit('FRAME_HALF'), defectBit('FRAME_HALF')) })
  const defects = [0, 1, 2].map((i) => defectsOf(cells[i * ROW + KIND] >>> DEFECTS_SHIFT))
  expect(defects[0]).not.toContain('FRAME_HALF')
  expect(defects[1]).toEqual(expect.arrayContaining(['FRAME_HALF', 'PRI_MISSING']))
  expect(defects[2]).toContain('FRAME_HALF')
  expect(defects[2]).not.toContain('PRI_MISSING')
})
