// The router: evaluates all routes on a batch and writes to each destination once, with the union of what its routes
// selected.
//
//   batch ──▶ route 1: where? ──▶ {a, b}          a ◀── 1 ∪ 2
//         ──▶ route 2: all, final ──▶ {a}         b ◀── 1
//         ──▶ route 3: sees what route 2 left     …
//
// A destination that gets all messages is given the batch itself. One that gets none of a batch with streams is given
// an empty batch with the streams' ranges, so that its marks advance. The write settles when every destination has
// settled, even if one has already rejected it: the batch is borrowed until the slowest is done.

import type { Metrics } from '../metric.ts'
import { hasStream, knownDefects, releaseBatch, selectMessages, type Batch } from './batch.ts'
import type { Sink, StreamMarks } from './sink.ts'
import { marksOfAll } from './stream-marks.ts'
import { defectsOf } from '../message/defects.ts'

/** Selects messages of a batch: writes 1 or 0 for each to `into[0 … batch.count)`. */
export interface Selector {
  select(batch: Batch, into: Uint8Array): void
}

export interface Route {
  /** Names of the sources that it applies to; all if absent. */
  readonly from?: ReadonlySet<string>
  /** The messages that it selects; all if absent. */
  readonly where?: Selector
  /** Indexes into the router's destinations. */
  readonly to: readonly number[]
  /** Whether later routes no longer see what this one selected. */
  readonly final: boolean
  readonly mask?: Mask
}

/**
 * Overwrites bytes that must not be stored, in a copy of the batch: in the messages i with `of[i] !== 0`, or in all
 * if `of` is absent. Returns the copy: `copy` if another mask has made one of this batch already, else a new one, which is
 * released like any batch. What must not be stored is looked for in the batch, so the order of masks makes no difference.
 */
export type Mask = (batch: Batch, of?: Uint8Array, copy?: Batch) => Batch

/** The messages that a route with a mask selected, and its mask. */
interface Masked {
  readonly chosen: Chosen
  readonly mask: Mask
}

const ALL = 'all'
const NONE = 'none'
type Chosen = typeof ALL | Uint8Array
type Selection = Chosen | typeof NONE

export class Router {
  readonly #routes: readonly Route[]
  readonly #destinations: readonly Sink[]
  readonly #metrics: Metrics

  constructor(routes: readonly Route[], destinations: readonly Sink[], metrics: Metrics) {
    this.#routes = routes
    this.#destinations = destinations
    this.#metrics = metrics
  }

  /** The sink for one source, which applies the routes of that source. */
  sinkFor(source: string): Sink {
    const routes = this.#routes.filter(({ from }) => from === undefined || from.has(source))
    return new SourceRoutes(source, routes, this.#destinations, this.#metrics)
  }
}

/** The routes of one source. */
class SourceRoutes implements Sink {
  readonly #source: string
  readonly #routes: readonly Route[]
  readonly #destinations: readonly Sink[]
  readonly #reached: readonly number[]
  readonly #metrics: Metrics
  readonly streams: StreamMarks | undefined
  /**
   * Scratch memory of one evaluation, which is synchronous: messages selected by the current route, and messages that
   * later routes still see.
   */
  #chosen = new Uint8Array(4096)
  #open = new Uint8Array(4096)

  constructor(source: string, routes: readonly Route[], destinations: readonly Sink[], metrics: Metrics) {
    this.#source = source
    this.#routes = routes
    this.#destinations = destinations
    this.#reached = [...new Set(routes.flatMap(({ to }) => to))]
    this.#metrics = metrics
    this.streams = marksOfAll(this.#reached.map((index) => destinations[index].streams))
  }

  async write(batch: Batch): Promise<void> {
    const { selections, masks } = this.#evaluate(batch)
    const carries = hasStream(batch)
    const writes: Promise<void>[] = []
    const written: Selection[] = []
    for (const index of this.#reached) {
      const selection = selections.get(index) ?? NONE
      const masked = masks.get(index)
      if (selection === NONE && !carries) continue
      if (selection === ALL && !masked) writes.push(this.#destinations[index].write(batch))
      else writes.push(this.#writePart(index, batch, selection, masked ?? []))
      written.push(selection)
    }
    const results = await Promise.allSettled(writes)
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) {
      batch.rejected = countOfAny(
        written.filter((_, i) => results[i].status === 'rejected'),
        batch.count,
      )
      throw failed.reason
    }
    this.#countDefects(batch)
  }

  async #writePart(index: number, batch: Batch, selection: Selection, masked: readonly Masked[]): Promise<void> {
    const selected = selection === ALL ? ones(batch.count) : selection === NONE ? zeros(batch.count) : selection
    const original = selectMessages(batch, selected)
    // A message that a route with a mask selects is masked even if another route selects it as well.
    let copy: Batch | undefined
    for (const { chosen, mask } of masked) {
      copy = mask(original, chosen === ALL ? undefined : chosen.filter((_, i) => selected[i] !== 0), copy)
    }
    if (copy) releaseBatch(original)
    const part = copy ?? original
    try {
      await this.#destinations[index].write(part)
      takeOverDefects(batch, selected, part)
    } finally {
      releaseBatch(part)
    }
  }

  #evaluate(batch: Batch): { selections: Map<number, Selection>; masks: Map<number, Masked[]> } {
    const count = batch.count
    const selections = new Map<number, Selection>()
    const masks = new Map<number, Masked[]>()
    // `open` is undefined while every message is still seen by all routes, which is the common case: no route is
    // `final`.
    let open: Uint8Array | undefined
    for (const route of this.#routes) {
      if (open && !open.includes(1)) break
      const chosen = this.#choose(route, batch, open)
      if (chosen === NONE) continue
      for (const index of route.to) {
        selections.set(index, union(selections.get(index), chosen, count))
      }
      if (route.mask) this.#note(masks, route.to, { mask: route.mask, chosen: chosen === ALL ? ALL : chosen.slice() })
      if (!route.final) continue
      open = this.#close(open, chosen, count)
    }
    this.#countUnrouted(selections, count)
    return { selections, masks }
  }

  #note(masks: Map<number, Masked[]>, to: readonly number[], masked: Masked): void {
    for (const index of to) masks.set(index, [...(masks.get(index) ?? []), masked])
  }

  #choose(route: Route, batch: Batch, open: Uint8Array | undefined): Selection {
    const count = batch.count
    if (!route.where) return open ?? ALL
    if (this.#chosen.length < count) this.#chosen = new Uint8Array(2 * count)
    const chosen = this.#chosen.subarray(0, count)
    route.where.select(batch, chosen)
    if (open) for (let i = 0; i < count; i += 1) chosen[i] &= open[i]
    let hits = 0
    for (let i = 0; i < count; i += 1) hits += chosen[i]
    return hits === 0 ? NONE : hits === count ? ALL : chosen
  }

  #close(open: Uint8Array | undefined, chosen: Chosen, count: number): Uint8Array {
    if (!open) {
      if (this.#open.length < count) this.#open = new Uint8Array(2 * count)
      open = this.#open.subarray(0, count).fill(1)
    }
    if (chosen === ALL || chosen === open) return open.fill(0)
    for (let i = 0; i < count; i += 1) if (chosen[i] !== 0) open[i] = 0
    return open
  }

  #countUnrouted(selections: Map<number, Selection>, count: number): void {
    const unrouted = count - countOfAny([...selections.values()], count)
    if (unrouted > 0) this.#metrics.count('sluice_unrouted_total', {}, unrouted)
  }

  // Defects are known only if a route or destination needed the headers. A relay that reads only the PRI leaves
  // counting them to the next hop.
  #countDefects(batch: Batch): void {
    const masks = knownDefects(batch)
    if (!masks) return
    const messages = new Map<number, number>()
    for (const mask of masks) if (mask !== 0) messages.set(mask, (messages.get(mask) ?? 0) + 1)
    for (const [mask, count] of messages) {
      for (const code of defectsOf(mask)) {
        this.#metrics.count('sluice_defects_total', { code, source: this.#source }, count)
      }
    }
  }
}

/** Copies the defects found in a part to the batch. The part holds the messages i with `selected[i] !== 0`. */
function takeOverDefects(batch: Batch, selected: Uint8Array, part: Batch): void {
  const found = batch.headers ? undefined : knownDefects(part)
  if (!found) return
  batch.defects ??= new Uint32Array(batch.count)
  for (let i = 0, at = 0; i < batch.count; i += 1) if (selected[i] !== 0) batch.defects[i] |= found[at++]
}

/** The union of both selections. `chosen` is scratch memory, so it is copied rather than kept. */
function union(before: Selection | undefined, chosen: Chosen, count: number): Selection {
  if (before === ALL || chosen === ALL) return ALL
  if (before === undefined || before === NONE) return chosen.slice()
  const both = before
  let hits = 0
  for (let i = 0; i < count; i += 1) hits += both[i] |= chosen[i]
  return hits === count ? ALL : both
}

/** How many of `count` messages are in at least one of the selections. */
function countOfAny(selections: readonly Selection[], count: number): number {
  if (selections.includes(ALL)) return count
  const chosen = selections.filter((selection) => selection instanceof Uint8Array)
  if (chosen.length === 0) return 0
  let any = 0
  for (let i = 0; i < count; i += 1) {
    let isIn = 0
    for (const array of chosen) isIn |= array[i]
    any += isIn
  }
  return any
}

const ones = (count: number) => new Uint8Array(count).fill(1)
const zeros = (count: number) => new Uint8Array(count)
