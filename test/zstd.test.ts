// zstd for whole buffers: what is compressed comes back, wherever the result is put.

import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { zstdCompressor, zstdDecompress, zstdDecompressInto } from '../common/zstd.ts'

const text = (bytes: number) => Buffer.from('a line of text 12345 '.repeat(Math.ceil(bytes / 20))).subarray(0, bytes)

// The last one is larger than the memory that a compressor keeps.
test.each([0, 1, 1000, 1_000_000, 6_000_000])('%i bytes come back, with and without a checksum', (bytes) => {
  for (const checksum of [false, true]) {
    const compressor = zstdCompressor(1, { checksum })
    const [first, second] = [compressor.compress(text(bytes)), compressor.compress(Buffer.from('another'))]
    expect(zstdDecompress(first).equals(text(bytes))).toBe(true)
    expect(zstdDecompress(second).toString()).toBe('another')
  }
})

test('a frame is put into the room that it is given, or into memory of its own if that may be too small', () => {
  const compressor = zstdCompressor(3, { minMatch: 6, hashLog: 15, chainLog: 14 })
  for (const bytes of [0, 10, 90_000, 200_000]) {
    const room = new Uint8Array(new SharedArrayBuffer(100_000))
    const frame = compressor.compressInto(room, text(bytes))
    const into = Buffer.alloc(bytes)
    expect(zstdDecompressInto(frame, into)).toBe(bytes)
    expect(into.equals(text(bytes))).toBe(true)
  }
})

test('what was prepared decompresses when no descriptor is left', () => {
  const script = `
    import { openSync } from 'node:fs'
    import { prepareZstdDecompress, zstdCompressor, zstdDecompress } from '${new URL('../dist/common/zstd.js', import.meta.url).href}'
    const frame = zstdCompressor(1).compress(Buffer.from('a line'))
    prepareZstdDecompress()
    try { for (;;) openSync('/dev/null') } catch {}
    process.stdout.write(zstdDecompress(frame).toString())`
  const words = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]
  expect(execFileSync('sh', words, { encoding: 'utf8' })).toBe('a line')
})

test('a damaged checksum is found', () => {
  const frame = zstdCompressor(1, { checksum: true }).compress(text(1000))
  frame[frame.length - 1] ^= 1
  expect(() => zstdDecompress(frame)).toThrow()
})
