// Arrays that grow with what is put into them.

/** A copy of twice the length, the new half zero. */
export function grown(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * array.length)
  larger.set(array)
  return larger
}
