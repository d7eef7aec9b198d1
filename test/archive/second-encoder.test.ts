// Large commits that are encoded by two threads have the same blocks in the same order.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { OriginData, WriteData } from '../../collector/archive/archive-protocol.ts'
import { BatchReader } from '../../collector/archive/batch-reader.ts'
import { BlockBuilder } from '../../collector/archive/block-builder.ts'
import { encodeWrites } from '../../collector/archive/encode-writes.ts'
import { Intake } from '../../collector/archive/intake.ts'
import type { Piece } from '../../collector/archive/pieces.ts'
import { SecondEncoder } from '../../collector/archive/second-encoder.ts'
import { ARCHIVE_PART_BYTES_MAX } from '../../common/limits.ts'
import { stored, temporaryFolder } from './surroundings.ts'

const origin: OriginData = {
  ...{ source: 'network', peer: '192.0.2.7', lines: 'syslog', zone: 'UTC', host: Buffer.from('h') },
  ...{ hostForced: false, program: new Uint8Array(0), priority: 13, received: undefined },
}

/** A batch of `count` messages in the form in which it is posted to another thread. */
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
  const runs = [{ count, origin: 3, received: undefined, stream: undefined }]
  const received = Date.UTC(2026, 10, 23, 10) * 1000
  return { id, buffer, byteOffset: 0, length: all.length, bounds, count, received, runs, marks: undefined }
}

/** A piece with these writes, and an encoder to give it to. */
function given(writes: readonly WriteData[], fresh?: Uint8Array) {
  const batches = new BatchReader()
  batches.define({ number: 3, first: true, origin })
  const read = writes.map((data) => ({ id: data.id, batch: batches.read(data), data, fresh }))
  const piece: Piece = { writes: read, isShared: true, isGiven: false, encoded: undefined }
  let onAnswer: (() => void) | undefined
  const reports: { text: string; values: object }[] = []
  const second = new SecondEncoder(
    batches,
    () => onAnswer?.(),
    (text, values) => reports.push({ text, values }),
  )
  const answered = () => new Promise<void>((resolve) => (onAnswer = resolve))
  return { second, piece, answered, reports }
}

test('the second thread returns the same blocks and defects as encoding on this thread', async () => {
  const { second, piece, answered } = given([writeOf(1, 400), writeOf(2, 400)], new Uint8Array(400).fill(1, 0, 100))
  for (let round = 0; round < 3; round += 1) {
    piece.encoded = undefined
    second.give(piece)
    expect(piece.isGiven).toBe(true)
    await answered()
    expect(piece.isGiven).toBe(false)
    const here = encodeWrites(piece.writes, new BlockBuilder())
    expect(piece.encoded!.blocks.map(({ count }) => count)).toEqual([200])
    expect(piece.encoded).toEqual(here)
    expect([...here.defects.keys()]).toEqual([1, 2])
  }
  await second.finish()
})

test('a piece that the second thread fails to encode is given back, and the thread gets no more pieces', async () => {
  const { second, piece, answered } = given([{ ...writeOf(1, 10), bounds: new Uint32Array([0, 0xffff_ffff]) }])
  second.give(piece)
  await answered()
  expect(piece).toMatchObject({ isGiven: false, encoded: undefined })
  expect(second.hasRoom).toBe(false)
  await second.finish()
})

test('a piece of a thread that dies is given back, and the death is reported', async () => {
  const { second, piece, answered, reports } = given([writeOf(1, 400)])
  process.once('worker', (worker) => void worker.terminate())
  second.give(piece)
  await answered()
  expect(piece).toMatchObject({ isGiven: false, encoded: undefined })
  expect(second.hasRoom).toBe(false)
  expect(reports).toMatchObject([{ text: expect.stringContaining('second thread'), values: { code: 'WORKER_DIED' } }])
})

test('commits encoded by two threads, the next one during the last, store all messages in order and skip repeats', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'archive'))
  const batches = new BatchReader()
  batches.define({ number: 3, first: true, origin })
  const answers: (() => void)[] = []
  const report = (text: string) => expect.unreachable(text)
  const second = new SecondEncoder(batches, () => answers.splice(0).forEach((resolve) => resolve()), report)
  const intake = new Intake(join(folder, 'archive'), 7, ARCHIVE_PART_BYTES_MAX, report, second)
  const count = 4000
  const texts: string[] = []
  for (let id = 1; id <= 60; id += 1) {
    const plain = writeOf(id, count)
    // Each write begins with the last hundred messages of the previous one.
    const from = Math.max(0, (id - 1) * (count - 100))
    const stream = {
      id: 'a'.repeat(32),
      from,
      to: from + count,
      ends: Uint32Array.from({ length: count }, (_, i) => i + 1),
    }
    const data = { ...plain, runs: [{ ...plain.runs[0], stream }] }
    intake.add({ id, batch: batches.read(data), data })
    const { bounds, buffer } = data
    for (let i = id === 1 ? 0 : 100; i < count; i += 1) {
      texts.push(Buffer.from(buffer).toString('latin1', bounds[2 * i], bounds[2 * i + 1]))
    }
  }
  const ids: number[] = []
  let repeats = 0
  while (intake.hasWork) {
    if (intake.isWaiting) await new Promise<void>((resolve) => answers.push(resolve))
    const committed = intake.step()
    if (!committed) continue
    ids.push(...committed.ids)
    repeats += committed.repeats
  }
  await second.finish()
  intake.close()
  expect(ids).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  expect(repeats).toBe(59 * 100)
  expect([...(await stored(folder)).values()]).toEqual(texts)
})
