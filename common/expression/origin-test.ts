// Tests of where a message came from: decided once for each run, not for each message.

import type { Origin } from '../pipeline/batch.ts'
import { compareAddresses, isWithin, parseAddress, parseNetwork } from './address.ts'
import type { Value } from './ast.ts'
import { compares } from './priority-table.ts'
import type { Rows } from './rows.ts'
import type { Test } from './test.ts'
import { compileValues } from './value-test.ts'

type OriginTest = (origin: Origin) => boolean

/** `from` (the peer's address) or `source` (the name in the configuration). */
export function compileOrigin(field: 'from' | 'source', values: readonly Value[]): Test {
  if (field === 'from') return new RunTest(anyOf(values.map(peerTest)))
  const value = compileValues(values, false)
  return new RunTest((origin) => {
    const name = Buffer.from(origin.source)
    return value.test(name, 0, name.length)
  })
}

function anyOf(tests: readonly OriginTest[]): OriginTest {
  return (origin) => tests.some((test) => test(origin))
}

/** What is read on this machine has no peer, which no value selects. */
function peerTest(value: Value): OriginTest {
  switch (value.kind) {
    case 'exists':
      return ({ peer }) => peer !== undefined
    case 'glob':
    case 'regex': {
      const text = compileValues([value], true)
      return ({ peer }) => peer !== undefined && text.test(Buffer.from(peer), 0, Buffer.byteLength(peer))
    }
    case 'text':
    case 'equal': {
      const network = parseNetwork(value.text)
      return addressTest((address) => network !== undefined && isWithin(address, network))
    }
    case 'compare': {
      const bound = parseAddress(value.text)
      return addressTest(
        (address) => bound !== undefined && compares(value.comparison, compareAddresses(address, bound)),
      )
    }
    case 'range': {
      const [a, b] = [parseAddress(value.from), parseAddress(value.to)]
      if (!a || !b) return () => false
      const [low, high] = compareAddresses(a, b) <= 0 ? [a, b] : [b, a]
      return addressTest((address) => compareAddresses(address, low) >= 0 && compareAddresses(address, high) <= 0)
    }
  }
}

function addressTest(test: (address: Uint8Array) => boolean): OriginTest {
  return ({ peer }) => {
    const address = peer === undefined ? undefined : parseAddress(peer)
    return address !== undefined && test(address)
  }
}

class RunTest implements Test {
  readonly cost = 1
  readonly #selects: OriginTest
  // Datagrams of many senders make short runs of few origins.
  readonly #known = new WeakMap<Origin, boolean>()

  constructor(selects: OriginTest) {
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
