// Half of a large commit is made by another thread: the same blocks, in the same order.

import { expect, test } from 'vitest'
import type { OriginData, WriteData } from '../../collector/archive/archive-protocol.ts'
import { BatchReader } from '../../collector/archive/batch-reader.ts'
import { BlockBuilder } from '../../collector/archive/block-builder.ts'
import { encodeWrites } from '../../collector/archive/encode-writes.ts'
import { SecondEncoder } from '../../collector/archive/second-encoder.ts'

const origin: OriginData = {
  ...{ source: 'network', peer: '192.0.2.7', lines: 'syslog', zone: 'UTC', host: Buffer.from('h') },
  ...{ hostForced: false, program: new Uint8Array(0), priority: 13, received: undefined },
}

/** A batch of `count` messages as it goes from thread to thread. */
function writeOf(id: number, count: number): WriteData {
  const lines = Array.from({ length: count }, (_, i) =>
    Buffer.from(
      i % 7 === 0 ? `no header ${id}.${i}` : `<13>Nov 23 10:00:00 web-${i % 5} sshd[${i}]: port ${id * 1000 + i} open`,
    ),
  )
  const all = Buffer.concat(lines)
  const buffer = new SharedArrayBuffer(all.length)
  Buffer.from(buffer).set(all)
  const bounds = new Uint32Array(2 * count)
  let at = 0
  lines.forEach(({ length }, i) => {
    bounds.set([at, at + length], 2 * i)
    at += length
  })
  const runs = [{ count, origin: 3, stream: undefined }]
  const received = Date.UTC(2026, 10, 23, 10) * 1000
  return { id, buffer, byteOffset: 0, length: all.length, bounds, count, received, runs, marks: undefined }
}

test('the other thread makes the blocks and finds the defects that this one would', () => {
  const batches = new BatchReader()
  batches.tell({ number: 3, first: true, origin })
  const second = new SecondEncoder(batches)
  for (let round = 0; round < 3; round += 1) {
    const writes = [1, 2, 3].map((id) => ({
      data: writeOf(id, 400),
      skipped: id === 2 ? new Uint8Array(400).fill(1, 100) : undefined,
    }))
    const read = writes.map(({ data, skipped }) => ({ id: data.id, batch: batches.read(data), skipped }))
    second.begin(writes)
    const here = encodeWrites(read, new BlockBuilder())
    const there = second.take()
    expect(there.blocks.map(({ count }) => count)).toEqual([900])
    expect(there.blocks).toEqual(here.blocks)
    expect([...there.defects.keys()]).toEqual([1, 2, 3])
    expect(there.defects).toEqual(here.defects)
  }
})

test('what goes wrong there is thrown here', () => {
  const batches = new BatchReader()
  batches.tell({ number: 3, first: true, origin })
  const second = new SecondEncoder(batches)
  const broken = { ...writeOf(1, 10), bounds: new Uint32Array([0, 0xffff_ffff]) }
  batches.read(broken)
  second.begin([{ data: broken, skipped: undefined }])
  expect(() => second.take()).toThrow(expect.objectContaining({ code: 'WORKER_DIED' }))
})
