// Frames come out in the order in which they were given, wherever they are compressed.

import { expect, test } from 'vitest'
import type { Fault } from '../../common/fault.ts'
import { RELP_PACKING_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import { BatchPacker } from '../../common/relp/batch-packer.ts'
import { zstdDecompress } from '../../common/zstd.ts'

const LARGE = 200_000

/** Gives `text` to the packer; the result is what comes out, unpacked. */
function pack(packer: BatchPacker, text: string, content = packer.content()): Promise<string> {
  content.text(text)
  return new Promise((resolve) => {
    packer.pack(content, (zstd) => resolve(zstdDecompress(zstd).toString()))
  })
}

const unexpected = (fault: Fault) => expect.unreachable(fault.message)

test('a small frame is packed before the call returns', async () => {
  const packer = new BatchPacker(unexpected, true)
  const content = packer.content()
  content.text('a line')
  let packed = ''
  packer.pack(content, (zstd) => (packed = zstdDecompress(zstd).toString()))
  expect(packed).toBe('a line')
  await packer.close()
})

test('a small frame behind large ones waits for them', async () => {
  const packer = new BatchPacker(unexpected, true)
  const order: string[] = []
  const texts = ['a'.repeat(LARGE), 'b'.repeat(LARGE), 'small']
  await Promise.all(texts.map(async (text) => order.push(await pack(packer, text))))
  expect(order).toEqual(texts)
  await packer.close()
})

test('so many frames are taken and no more, and there is room again when one is packed', async () => {
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

test('a frame that grew beyond shared memory is packed all the same', async () => {
  const packer = new BatchPacker(unexpected, true)
  const text = 'long '.repeat(1_000_000)
  expect(await pack(packer, text)).toBe(text)
  expect(await pack(packer, 'short'.repeat(LARGE), new Output())).toBe('short'.repeat(LARGE))
  await packer.close()
})

test('without a second core there is no thread', async () => {
  const packer = new BatchPacker(unexpected, false)
  const content = packer.content()
  content.text('x'.repeat(LARGE))
  let packed = ''
  packer.pack(content, (zstd) => (packed = zstdDecompress(zstd).toString()))
  expect(packed).toBe('x'.repeat(LARGE))
  await packer.close()
})

test('after a close nothing comes out', async () => {
  const packer = new BatchPacker(unexpected, true)
  let packed = false
  void pack(packer, 'x'.repeat(LARGE)).then(() => (packed = true))
  await packer.close()
  expect(packed).toBe(false)
})
