// Frames are delivered in the order in which they were given, whichever thread compresses them.

import { expect, test } from 'vitest'
import type { Fault } from '../../common/fault.ts'
import { RELP_PACKING_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import { BatchPacker } from '../../common/relp/batch-packer.ts'
import { zstdDecompress } from '../../common/zstd.ts'

const LARGE = 200_000

/** Compresses `text` with the packer; resolves to the decompressed result. */
function pack(packer: BatchPacker, text: string, content = packer.content()): Promise<string> {
  content.text(text)
  return new Promise((resolve) => {
    packer.pack(content, (zstd) => resolve(zstdDecompress(zstd).toString()))
  })
}

const unexpected = (fault: Fault) => expect.unreachable(fault.message)

test('a small frame is compressed before the call returns', async () => {
  const packer = new BatchPacker(unexpected, true)
  const content = packer.content()
  content.text('a line')
  let packed = ''
  packer.pack(content, (zstd) => (packed = zstdDecompress(zstd).toString()))
  expect(packed).toBe('a line')
  await packer.close()
})

test('a small frame is delivered after the large ones before it', async () => {
  const packer = new BatchPacker(unexpected, true)
  const order: string[] = []
  const texts = ['a'.repeat(LARGE), 'b'.repeat(LARGE), 'small']
  await Promise.all(texts.map(async (text) => order.push(await pack(packer, text))))
  expect(order).toEqual(texts)
  await packer.close()
})

test('the number of frames in compression is bounded, and there is room again when one is done', async () => {
  const packer = new BatchPacker(unexpected, true)
  const packs: Promise<string>[] = []
  for (let i = 0; i < RELP_PACKING_MAX; i += 1) {
    expect(packer.hasRoom).toBe(true)
    packs.push(pack(packer, String(i).repeat(LARGE)))
  }
  expect(packer.hasRoom).toBe(false)
  await packs[0]
  expect(packer.hasRoom).toBe(true)
  await Promise.all(packs)
  await packer.close()
})

test('a frame that grew beyond its shared buffer is compressed too', async () => {
  const packer = new BatchPacker(unexpected, true)
  const text = 'long '.repeat(1_000_000)
  expect(await pack(packer, text)).toBe(text)
  expect(await pack(packer, 'short'.repeat(LARGE), new Output())).toBe('short'.repeat(LARGE))
  await packer.close()
})

test('with a single core, large frames are compressed in the calling thread', async () => {
  const packer = new BatchPacker(unexpected, false)
  const content = packer.content()
  content.text('x'.repeat(LARGE))
  let packed = ''
  packer.pack(content, (zstd) => (packed = zstdDecompress(zstd).toString()))
  expect(packed).toBe('x'.repeat(LARGE))
  await packer.close()
})

test('nothing is delivered after a close', async () => {
  const packer = new BatchPacker(unexpected, true)
  let packed = false
  void pack(packer, 'x'.repeat(LARGE)).then(() => (packed = true))
  await packer.close()
  expect(packed).toBe(false)
})

test('after a close, a large frame is compressed in the calling thread: nobody would end another one', async () => {
  const packer = new BatchPacker(unexpected, true)
  await pack(packer, 'a'.repeat(LARGE))
  await packer.close()
  const content = packer.content()
  content.text('b'.repeat(LARGE))
  let packed = ''
  packer.pack(content, (zstd) => (packed = zstdDecompress(zstd).toString()))
  expect(packed).toBe('b'.repeat(LARGE))
})

test('the shared buffer of a frame that grew beyond it is used again', async () => {
  const packer = new BatchPacker(unexpected, true)
  const content = packer.content()
  const shared = content.bytes
  const text = 'x'.repeat(2 * shared.length)
  expect(await pack(packer, text, content)).toBe(text)
  expect(packer.content().bytes).toBe(shared)
  await packer.close()
})
