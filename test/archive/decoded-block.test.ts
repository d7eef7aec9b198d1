// The columns of a block as a search asks for them.

import { expect, test } from 'vitest'
import { addBatch } from '../../collector/archive/batch-rows.ts'
import { BlockBuilder } from '../../collector/archive/block-builder.ts'
import { DecodedBlock } from '../../collector/archive/decoded-block.ts'
import { batchOf, originOf } from '../fake/batch.ts'

test('a column that cannot be decoded is decoded once, however often its messages are asked for', () => {
  const builder = new BlockBuilder()
  builder.bytesWanted = Infinity
  const lines = Array.from({ length: 50 }, (_, i) => `<13>Nov 23 10:00:00 web-1 app: user ${i * i} logged in`)
  addBatch(batchOf(lines, originOf({}), 0), undefined, builder, () => expect.unreachable())
  const block = builder.finish()
  let failures = 0
  // No column fits one message more than there are.
  const decoded = new DecodedBlock(0, block.count + 1, block, () => new Error(`failure ${(failures += 1)}`))
  for (let i = 0; i < block.count; i += 1) expect(() => decoded.raw(i)).toThrow('failure 1')
})
