import { expect, test } from 'vitest'
import { isOrigin, OriginReader, originBytes } from '../../common/pipeline/origin-bytes.ts'
import { originOf } from '../fake/batch.ts'

const origin = originOf({ source: 'apps', peer: '192.0.2.7', lines: 'local', priority: 191, hostForced: true })
const encoded = originBytes(origin)
/** Between other bytes. */
const bytes = Buffer.concat([Buffer.alloc(3, 0xff), encoded, Buffer.alloc(3, 0xff)])
const [at, end] = [3, 3 + encoded.length]

/** The encoded origin with one byte changed. */
function changed(offset: number, to: number): Buffer {
  const copy = Buffer.from(encoded)
  copy[offset] = to
  return copy
}

test('an origin is decoded as it was encoded', () => {
  expect(isOrigin(bytes, at, end)).toBe(true)
  expect(new OriginReader().read(bytes, at)).toEqual(origin)
})

test('an origin that does not end before the end is none', () => {
  for (let short = at; short < end; short += 1) expect(isOrigin(bytes, at, short), `up to ${short}`).toBe(false)
  expect(isOrigin(bytes, at, end + 1)).toBe(true)
})

test('bytes with a priority, a length, or the length of a field that cannot be are no origin', () => {
  expect(isOrigin(changed(3, 192), 0, encoded.length)).toBe(false)
  expect(isOrigin(changed(0, encoded[0] - 1), 0, encoded.length)).toBe(false)
  for (const step of [-1, 1]) expect(isOrigin(changed(4, encoded[4] + step), 0, encoded.length)).toBe(false)
  const long = Buffer.alloc(4 + 2 + 4097 + 4 * 2)
  long.writeUInt16LE(long.length, 0)
  long.writeUInt16LE(4097, 4)
  expect(isOrigin(long, 0, long.length)).toBe(false)
})

test('a reader keeps a bounded number of origins, and decodes later ones just as well', () => {
  const reader = new OriginReader()
  for (let i = 0; i < 20_000; i += 1) {
    const one = originBytes({ ...origin, source: `s${i}` })
    const read = reader.read(one, 0)
    expect(read.source).toBe(`s${i}`)
    expect(reader.read(one, 0)).toBe(read)
  }
  const first = originBytes({ ...origin, source: 's0' })
  expect(reader.read(first, 0)).toEqual({ ...origin, source: 's0' })
})
