// Tests of the origin of messages. They are evaluated once per run, not per message.

import type { Origin } from '../pipeline/batch.ts'
import { isWithin, parseAddress, parseNetwork } from './address.ts'
import type { Value } from './ast.ts'
import { compares } from './priority-table.ts'
import type { Rows } from './rows.ts'
import type { Test } from './test.ts'
import { anyOf, compileValue, compileValues, type ValueTest } from './value-test.ts'

/** Compiles a test of `from` (the address of the peer) or `source` (its name in the configuration). */
export function compileOrigin(field: 'from' | 'source', values: readonly Value[]): Test {
  const value = field === 'from' ? anyOf(values.map(compileAddress)) : compileValues(values, false)
  return new RunTest((origin) => {
    // Messages of local sources have no peer, which counts as an empty address.
    const text = Buffer.from(field === 'from' ? (origin.peer ?? '') : origin.source)
    return value.test(text, 0, text.length)
  })
}

function compileAddress(value: Value): ValueTest {
  switch (value.kind) {
    case 'text':
    case 'equal': {
      const network = parseNetwork(value.text)
      return addressTest((address) => network !== undefined && isWithin(address, network))
    }
    case 'compare': {
      const bound = parseAddress(value.text)
      return addressTest((address) => bound !== undefined && compares(value.comparison, Buffer.compare(address, bound)))
    }
    case 'range': {
      const [a, b] = [parseAddress(value.from), parseAddress(value.to)]
      if (!a || !b) return { test: () => false }
      const [low, high] = Buffer.compare(a, b) <= 0 ? [a, b] : [b, a]
      return addressTest((address) => Buffer.compare(address, low) >= 0 && Buffer.compare(address, high) <= 0)
    }
    case 'exists':
    case 'glob':
    case 'regex':
      return compileValue(value, true)
  }
}

function addressTest(test: (address: Uint8Array) => boolean): ValueTest {
  return {
    test(bytes, start, end) {
      const address = parseAddress(bytes.toString('latin1', start, end))
      return address !== undefined && test(address)
    },
  }
}

class RunTest implements Test {
  readonly cost = 1
  readonly #selects: (origin: Origin) => boolean
  // Datagrams of several senders make many short runs of few origins, so results are remembered per origin.
  readonly #known = new WeakMap<Origin, boolean>()

  constructor(selects: (origin: Origin) => boolean) {
    this.#selects = selects
  }

  narrow({ runs }: Rows, open: Uint8Array): void {
    let start = 0
    for (const { count, origin } of runs) {
      if (!this.#isSelected(origin)) open.fill(0, start, start + count)
      start += count
    }
  }

  #isSelected(origin: Origin): boolean {
    let selected = this.#known.get(origin)
    if (selected === undefined) {
      selected = this.#selects(origin)
      this.#known.set(origin, selected)
    }
    return selected
  }
}
