// Packs of columns: reading one gives what was stored, or an error.

import { expect, test } from 'vitest'
import { pack, Pack } from '../../collector/archive/pack.ts'

const streams = [
  Buffer.alloc(0),
  Buffer.from('short, and so left as it is'),
  Buffer.from('compressed, since it says the same again and again; '.repeat(20)),
  Buffer.from(Array.from({ length: 200 }, (_, i) => (i * i * 7919 + i * 104_729) % 251)),
]

const read = (blob: Uint8Array) => streams.map((_, i) => Buffer.from(new Pack(blob).stream(i)))

test.each([false, true])(
  'after any single bit of a pack is flipped, reading it is an error or gives the stored columns (plain: %s)',
  (plain) => {
    const blob = pack(streams, plain)
    expect(read(blob)).toEqual(streams)
    for (let bit = 0; bit < 8 * blob.length; bit += 1) {
      blob[bit >> 3] ^= 1 << (bit & 7)
      let found: Buffer[] | undefined
      try {
        found = read(blob)
      } catch {
        // Expected: the damage was detected.
      }
      if (found) expect([bit, found]).toEqual([bit, streams])
      blob[bit >> 3] ^= 1 << (bit & 7)
    }
  },
)

test('a pack of an earlier version, which has no checksum, can be read', () => {
  const blob = pack(streams, true)
  expect(read(blob.subarray(0, -4))).toEqual(streams)
  expect(() => read(blob.subarray(0, -3))).toThrow(RangeError)
})
