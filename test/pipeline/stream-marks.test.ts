import { expect, test } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { createMetrics } from '../../common/metric.ts'
import { Router, type Route } from '../../common/pipeline/router.ts'
import type { Sink, StreamMarks } from '../../common/pipeline/sink.ts'
import { forgetSurplus, freshMessages } from '../../common/pipeline/stream-marks.ts'
import { MemorySink } from '../fake/sink.ts'
import { batch } from './batches.ts'

const [A, B] = ['a', 'b'].map((digit) => digit.repeat(32))

/** A sink with marks in memory. */
class KnowingSink extends MemorySink implements Sink {
  readonly known: Map<string, number>
  readonly over: string[] = []
  fault: Fault | undefined
  readonly streams: StreamMarks = {
    marks: (ids) => {
      if (this.fault) return Promise.reject(this.fault)
      return Promise.resolve(new Map([...this.known].filter(([id]) => ids.includes(id))))
    },
    retire: (ids) => {
      this.over.push(...ids)
      return Promise.resolve()
    },
  }

  constructor(known: Record<string, number> = {}) {
    super()
    this.known = new Map(Object.entries(known))
  }
}

function streamsOf(source: string, routes: readonly Route[], ...sinks: Sink[]): StreamMarks | undefined {
  return new Router(routes, sinks, createMetrics()).sinkFor(source).streams
}

const toAll = (...to: number[]): Route[] => [{ to, final: false }]

test('a source that reaches no durable destination has no marks', () => {
  expect(streamsOf('apps', toAll(0, 1), new MemorySink(), new MemorySink())).toBeUndefined()
  expect(streamsOf('apps', [], new KnowingSink())).toBeUndefined()
})

test('a stream is stored up to the minimum over the destinations', async () => {
  const sinks = [new KnowingSink({ [A]: 100, [B]: 1 }), new KnowingSink({ [A]: 70, [B]: 5 })]
  expect(await streamsOf('apps', toAll(0, 1), ...sinks)!.marks([A, B])).toEqual(new Map([[A, 70]]).set(B, 1))
})

test('a stream is unknown if one destination does not know it, since that one was killed early or added later', async () => {
  const streams = streamsOf('apps', toAll(0, 1), new KnowingSink({ [A]: 100, [B]: 7 }), new KnowingSink({ [B]: 9 }))!
  expect(await streams.marks([A, B])).toEqual(new Map([[B, 7]]))
})

test('no stream is known if one destination keeps no marks, since that one would lose messages that are not resent', async () => {
  const streams = streamsOf('apps', toAll(0, 1), new KnowingSink({ [A]: 100 }), new MemorySink())!
  expect(await streams.marks([A])).toEqual(new Map())
})

test('a destination that the source does not reach is not asked', async () => {
  const other = new KnowingSink({ [A]: 1 })
  const own = new KnowingSink({ [A]: 100 })
  const routes: Route[] = [
    { from: new Set(['network']), to: [0], final: false },
    { from: new Set(['apps']), to: [1], final: false },
  ]
  const streams = streamsOf('apps', routes, other, own)!
  expect(await streams.marks([A])).toEqual(new Map([[A, 100]]))
  await streams.retire([A])
  expect([other.over, own.over]).toEqual([[], [A]])
})

test('marks cannot be determined while one destination is unable to report its own', async () => {
  const down = new KnowingSink()
  down.fault = new Fault('CONNECTION_LOST', 'planted', { retryable: true })
  const streams = streamsOf('apps', toAll(0, 1), down, new KnowingSink({ [A]: 100 }))!
  await expect(streams.marks([A])).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true })
})

test('a message that occurs in two runs of one stream of a batch is new only once', () => {
  const twice = batch([
    { texts: ['one', 'two'], from: 0, id: A },
    { texts: ['of another stream'], from: 0, id: B },
    { texts: ['without a stream'] },
    // A relay resends what was not acknowledged, and then what its own sender resends, and more.
    { texts: ['two', 'three'], from: 10, id: A },
    { texts: ['one', 'two', 'three', 'four'], from: 0, id: A },
  ])
  const fresh = (mark: number | undefined) => freshMessages(twice, (id) => (id === A ? mark : undefined))
  expect([...fresh(undefined)!]).toEqual([1, 1, 1, 1, 0, 1, 0, 0, 0, 1])
  expect([...fresh(10)!]).toEqual([0, 1, 1, 1, 0, 1, 0, 0, 0, 1])
  expect([...fresh(1_000)!]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0])
})

test('all messages of a batch are new if there are no repeats', () => {
  const parts = [
    { texts: ['one', 'two'], from: 0, id: A },
    { texts: ['three'], from: 20, id: A },
  ]
  expect(freshMessages(batch(parts), () => undefined)).toBeUndefined()
  expect(freshMessages(batch(parts.slice(1)), () => 20)).toBeUndefined()
})

test('of too many marks those that would expire first are forgotten, down to three quarters', () => {
  const marks = new Map(['a', 'b', 'c', 'd', 'e'].map((id, i) => [id, { until: [9, 2, 9, 1, 9][i] }]))
  expect(forgetSurplus(marks, 5)).toBe(0)
  expect(forgetSurplus(marks, 4)).toBe(2)
  expect([...marks.keys()]).toEqual(['a', 'c', 'e'])
  marks.set('f', { until: 9 }).set('g', { until: 10 })
  expect(forgetSurplus(marks, 4)).toBe(2)
  expect([...marks.keys()]).toEqual(['e', 'f', 'g'])
})
