/** Returns a copy with room for `length` numbers, by default twice as many; the new ones are zero. */
export function grown<Numbers extends Uint32Array | Int32Array | Uint8Array>(
  numbers: Numbers,
  length: number = 2 * numbers.length,
): Numbers {
  const larger = new (numbers.constructor as new (length: number) => Numbers)(length)
  larger.set(numbers)
  return larger
}
