// Compiles a pattern to a program, an NFA (Thompson): steps that consume a character, steps that evaluate a zero-width assertion
// ("place"), forks, and the end. It is built back to front, since each step refers to the next one. Programs that read forwards
// and backwards differ only in the order in which the parts of a sequence are added.

import { Fault } from '../../fault.ts'
import { REGEX_STEPS_MAX } from '../../limits.ts'
import type { CharSet } from './char-set.ts'
import { mirrored, type Node, type Place } from './syntax.ts'

export const TAKE = 0
export const ASK = 1
export const FORK = 2
export const END = 3

export interface Program {
  /** By step: TAKE, ASK, FORK or END. */
  readonly kinds: readonly number[]
  /** By step: the index of the set (TAKE) or of the assertion (ASK), or the second next step (FORK). */
  readonly values: readonly number[]
  /** By step: the next step. */
  readonly nexts: readonly number[]
  readonly sets: readonly CharSet[]
  readonly places: readonly Place[]
  readonly start: number
}

/** Compiles a pattern; with `backwards`, for reading from the end to the start. Throws `PATTERN_SYNTAX` if it is too big. */
export function programOf(pattern: Node, backwards: boolean): Program {
  const builder = new Builder(backwards)
  const start = builder.add(pattern, builder.step(END, 0, 0))
  const { kinds, values, nexts, sets, places } = builder
  return { kinds, values, nexts, sets, places, start }
}

/**
 * The same program without empty matches. It has two copies of every step: one for before the first character is consumed, which
 * has no END, and one for after it.
 */
export function nonEmpty(program: Program): Program {
  const count = program.kinds.length
  const twice = <T>(before: (step: number) => T, after: (step: number) => T) => [
    ...program.kinds.map((_, step) => before(step)),
    ...program.kinds.map((_, step) => after(step)),
  ]
  const { kinds, values, nexts } = program
  return {
    ...program,
    // END becomes a fork to itself, which never matches.
    kinds: twice(
      (step) => (kinds[step] === END ? FORK : kinds[step]),
      (step) => kinds[step],
    ),
    values: twice(
      (step) => (kinds[step] === END ? step : values[step]),
      (step) => (kinds[step] === FORK ? values[step] + count : values[step]),
    ),
    nexts: twice(
      (step) => (kinds[step] === END ? step : kinds[step] === TAKE ? nexts[step] + count : nexts[step]),
      (step) => nexts[step] + count,
    ),
  }
}

class Builder {
  readonly kinds: number[] = []
  readonly values: number[] = []
  readonly nexts: number[] = []
  readonly sets: CharSet[] = []
  readonly places: Place[] = []
  readonly #setNumbers = new Map<string, number>()
  readonly #backwards: boolean

  constructor(backwards: boolean) {
    this.#backwards = backwards
  }

  step(kind: number, value: number, next: number): number {
    if (this.kinds.length >= REGEX_STEPS_MAX) {
      throw new Fault('PATTERN_SYNTAX', `Regular expression too big: more than ${REGEX_STEPS_MAX} steps`)
    }
    this.kinds.push(kind)
    this.values.push(value)
    this.nexts.push(next)
    return this.kinds.length - 1
  }

  /** Adds the steps of a node before the step `next`; returns its first step. */
  add(node: Node, next: number): number {
    switch (node.kind) {
      case 'empty':
        return next
      case 'set':
        return this.step(TAKE, this.#numberOf(node.set), next)
      case 'place':
        return this.step(ASK, this.#placeNumber(this.#backwards ? mirrored(node.place) : node.place), next)
      case 'sequence':
        return this.#backwards
          ? node.parts.reduce((after, part) => this.add(part, after), next)
          : node.parts.reduceRight((after, part) => this.add(part, after), next)
      case 'choice':
        if (node.options.length === 0) return this.#nowhere()
        return node.options
          .map((option) => this.add(option, next))
          .reduceRight((second, first) => this.step(FORK, second, first))
      case 'repeat':
        return this.#repeat(node.part, node.min, node.max, next)
    }
  }

  /** A fork to itself, which never matches. */
  #nowhere(): number {
    const fork = this.step(FORK, 0, 0)
    this.values[fork] = fork
    this.nexts[fork] = fork
    return fork
  }

  #repeat(part: Node, min: number, max: number, next: number): number {
    let after = next
    if (max === Infinity) {
      const loop = this.step(FORK, next, 0)
      this.nexts[loop] = this.add(part, loop)
      after = loop
    } else {
      // An optional copy can be skipped only together with all copies after it.
      for (let copy = min; copy < max; copy += 1) {
        const first = this.add(part, after)
        if (first === after) break
        after = this.step(FORK, next, first)
      }
    }
    for (let copy = 0; copy < min; copy += 1) {
      const first = this.add(part, after)
      if (first === after) break // a part without steps: repeating `(){9}{9}` in full would take long for nothing
      after = first
    }
    return after
  }

  #numberOf(set: CharSet): number {
    const known = this.#setNumbers.get(set.key)
    if (known !== undefined) return known
    this.#setNumbers.set(set.key, this.sets.length)
    this.sets.push(set)
    return this.sets.length - 1
  }

  #placeNumber(place: Place): number {
    const known = this.places.indexOf(place)
    return known >= 0 ? known : this.places.push(place) - 1
  }
}
