// Compiles the values of a field to tests of bytes.

import { foldAscii } from './fold.ts'
import { Glob } from './glob.ts'
import type { Comparison, Value } from './ast.ts'
import { compilePattern } from './pattern.ts'
import { compares } from './priority-table.ts'

/** A test of the value at `[start, end)`. An absent field is an empty range, which only the empty text matches. */
export interface ValueTest {
  test(bytes: Buffer, start: number, end: number): boolean
}

/** A test that passes if any of the values matches. Throws PATTERN_SYNTAX. */
export function compileValues(values: readonly Value[], ignoreCase: boolean): ValueTest {
  return anyOf(values.map((value) => compileValue(value, ignoreCase)))
}

/** A test that passes if any of the tests passes. */
export function anyOf(tests: readonly ValueTest[]): ValueTest {
  return tests.length === 1 ? tests[0] : new AnyValue(tests)
}

/** A test for one value. Throws PATTERN_SYNTAX. */
export function compileValue(value: Value, ignoreCase: boolean): ValueTest {
  switch (value.kind) {
    case 'exists':
      return { test: (_bytes, start, end) => start < end }
    case 'text':
    case 'equal':
      return ignoreCase ? new EqualWithoutCase(value.text) : new Equal(value.text)
    case 'glob':
      return new Glob(value.pattern, ignoreCase)
    case 'regex': {
      const pattern = compilePattern(value.pattern, value.ignoreCase)
      return { test: (bytes, start, end) => start < end && pattern.test(bytes, start, end) }
    }
    case 'compare':
      return new NumberCompares(value.comparison, Number(value.text))
    case 'range':
      return new NumberBetween(Number(value.from), Number(value.to))
  }
}

class AnyValue implements ValueTest {
  readonly #tests: readonly ValueTest[]

  constructor(tests: readonly ValueTest[]) {
    this.#tests = tests
  }

  test(bytes: Buffer, start: number, end: number): boolean {
    const tests = this.#tests
    for (let i = 0; i < tests.length; i += 1) if (tests[i].test(bytes, start, end)) return true
    return false
  }
}

class Equal implements ValueTest {
  readonly #text: Buffer

  constructor(text: string) {
    this.#text = Buffer.from(text)
  }

  test(bytes: Buffer, start: number, end: number): boolean {
    const text = this.#text
    if (end - start !== text.length) return false
    for (let i = 0; i < text.length; i += 1) if (bytes[start + i] !== text[i]) return false
    return true
  }
}

/** Ignores the case of ASCII letters only, since host names are ASCII. */
class EqualWithoutCase implements ValueTest {
  readonly #text: Uint8Array

  constructor(text: string) {
    this.#text = Buffer.from(text).map((byte) => foldAscii[byte])
  }

  test(bytes: Buffer, start: number, end: number): boolean {
    const text = this.#text
    if (end - start !== text.length) return false
    for (let i = 0; i < text.length; i += 1) if (foldAscii[bytes[start + i]] !== text[i]) return false
    return true
  }
}

class NumberCompares implements ValueTest {
  readonly #comparison: Comparison
  readonly #bound: number

  constructor(comparison: Comparison, bound: number) {
    this.#comparison = comparison
    this.#bound = bound
  }

  test(bytes: Buffer, start: number, end: number): boolean {
    return compares(this.#comparison, readNumber(bytes, start, end) - this.#bound)
  }
}

class NumberBetween implements ValueTest {
  readonly #low: number
  readonly #high: number

  constructor(from: number, to: number) {
    this.#low = Math.min(from, to)
    this.#high = Math.max(from, to)
  }

  test(bytes: Buffer, start: number, end: number): boolean {
    const number = readNumber(bytes, start, end)
    return number >= this.#low && number <= this.#high
  }
}

/** Parses the bytes as a decimal number; NaN, for which every comparison is false, if they are not one. */
function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start
  // In an empty range, the dash belongs to something else.
  if (at >= end) return NaN
  const negative = at > start
  let number = 0
  let scale = 0
  for (; at < end; at += 1) {
    const byte = bytes[at]
    if (byte >= 0x30 && byte <= 0x39) {
      number = number * 10 + byte - 0x30
      scale *= 10
    } else if (byte === 0x2e && scale === 0 && at + 1 < end) {
      scale = 1
    } else {
      return NaN
    }
  }
  if (scale > 1) number /= scale
  return negative ? -number : number
}
