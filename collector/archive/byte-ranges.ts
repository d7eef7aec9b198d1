// Ranges of bytes, looked at four at a time.
//
// They are given as DataViews, never as arrays: slabs are Buffers over shared memory, scratch is a Uint8Array, and a
// function that reads both through `[]` is compiled for neither. Measured over texts of 104 bytes: a loop over `[]` takes
// 110 to 180 ns, the same with `getUint8` 95, and one with `getInt32` 40. The last four are looked at in one piece, also where
// some of them were already: a loop over one to three bytes is a guess that the processor often gets wrong.

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const MIX = 0x01000193

/** Takes `[start, end)` into a hash. */
export function hashInto(hash: number, view: DataView, start: number, end: number): number {
  const last = end - 4
  if (last < start) {
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ view.getUint8(at), MIX)
    return hash
  }
  // The shift brings down what multiplication only carries upwards.
  for (let at = start; at < last; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), MIX)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ view.getInt32(last, true), MIX)
  return hash ^ (hash >>> 15)
}

/** Whether `length` bytes are the same. */
export function sameBytes(one: DataView, oneAt: number, other: DataView, otherAt: number, length: number): boolean {
  const last = length - 4
  if (last < 0) {
    for (let at = 0; at < length; at += 1) if (one.getUint8(oneAt + at) !== other.getUint8(otherAt + at)) return false
    return true
  }
  for (let at = 0; at < last; at += 4) {
    if (one.getInt32(oneAt + at, true) !== other.getInt32(otherAt + at, true)) return false
  }
  return one.getInt32(oneAt + last, true) === other.getInt32(otherAt + last, true)
}

/** Copies `length` bytes. */
export function copyBytes(from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void {
  const last = length - 4
  if (last < 0) for (let at = 0; at < length; at += 1) to.setUint8(toAt + at, from.getUint8(fromAt + at))
  else {
    for (let at = 0; at < last; at += 4) to.setInt32(toAt + at, from.getInt32(fromAt + at, true), true)
    to.setInt32(toAt + last, from.getInt32(fromAt + last, true), true)
  }
}
