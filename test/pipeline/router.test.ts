import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defectBit } from '../../common/message/defects.ts'
import { headersOf } from '../../common/message/headers.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { Router, type Mask, type Route, type Selector } from '../../common/pipeline/router.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { HeldSink, MemorySink, textsOf } from '../fake/sink.ts'
import { settle } from '../fake/clock.ts'
import { batch } from './batches.ts'

/** Selects the messages that contain a letter. */
function containing(letter: string): Selector {
  return {
    select(given: Batch, into: Uint8Array) {
      textsOf(given).forEach((text, i) => (into[i] = text.includes(letter) ? 1 : 0))
    },
  }
}

/** A mask that overwrites a letter. */
function masking(letter: string, pool: SlabPool): Mask {
  return (given, of, copy = batch([{ texts: textsOf(given) }], pool)) => {
    textsOf(given).forEach((text, i) => {
      if (of?.[i] === 0) return
      const { slab, bounds } = copy
      Array.from(text).forEach((char, at) => {
        if (char === letter) slab.bytes.write('*', bounds[2 * i] + at)
      })
    })
    return copy
  }
}

async function routed(routes: Route[], texts: string[], destinations = 3): Promise<string[][]> {
  const sinks = Array.from({ length: destinations }, () => new MemorySink())
  await new Router(routes, sinks, createMetrics()).sinkFor('network').write(batch([{ texts }]))
  return sinks.map((sink) => sink.texts)
}

test('a route without `where` selects all messages for each of its destinations', async () => {
  expect(await routed([{ to: [0, 2], final: false }], ['a', 'b'])).toEqual([['a', 'b'], [], ['a', 'b']])
})

test('a destination gets the union of what its routes selected, each message once and in order', async () => {
  const routes = [
    { where: containing('b'), to: [0], final: false },
    { where: containing('a'), to: [0], final: false },
  ]
  expect(await routed(routes, ['a', 'b', 'ab', 'c', 'ba'], 1)).toEqual([['a', 'b', 'ab', 'ba']])
})

test('messages that a final route selected are not seen by later routes', async () => {
  const routes = [
    { where: containing('a'), to: [0], final: true },
    { to: [1], final: false },
  ]
  expect(await routed(routes, ['a', 'b', 'ab'], 2)).toEqual([['a', 'ab'], ['b']])
})

test('a final route without `where` leaves nothing for later routes', async () => {
  const routes = [
    { to: [0], final: true },
    { to: [1], final: false },
  ]
  expect(await routed(routes, ['a'], 2)).toEqual([['a'], []])
})

test('a route applies only to its sources', async () => {
  const sinks = [new MemorySink(), new MemorySink()]
  const routes = [
    { from: new Set(['apps']), to: [0], final: false },
    { from: new Set(['network']), to: [1], final: false },
  ]
  await new Router(routes, sinks, createMetrics()).sinkFor('apps').write(batch([{ texts: ['x'] }]))
  expect(sinks.map((sink) => sink.texts)).toEqual([['x'], []])
})

test('an empty selection of a stream is passed on with its range', async () => {
  const sink = new MemorySink()
  const router = new Router([{ where: containing('z'), to: [0], final: false }], [sink], createMetrics())
  await router.sinkFor('network').write(batch([{ texts: ['a', 'b'], from: 100 }]))
  expect(sink.batches).toHaveLength(1)
  expect(sink.batches[0].runs[0]).toMatchObject({ count: 0, stream: { from: 100, to: 120 } })
})

test('a part of a stream keeps its range and the ends of its own messages', async () => {
  const sink = new MemorySink()
  const router = new Router([{ where: containing('b'), to: [0], final: false }], [sink], createMetrics())
  await router.sinkFor('network').write(batch([{ texts: ['a', 'b', 'c', 'b'], from: 100 }]))
  const stream = sink.batches[0].runs[0].stream!
  expect({ from: stream.from, to: stream.to, ends: [...stream.ends] }).toEqual({ from: 100, to: 140, ends: [20, 40] })
})

test('the write settles when the slowest destination has settled, even if another one rejected before', async () => {
  const sinks = [new HeldSink('a'), new HeldSink('b')]
  const router = new Router([{ to: [0, 1], final: false }], sinks, createMetrics())
  let outcome = 'open'
  router
    .sinkFor('network')
    .write(batch([{ texts: ['x'] }]))
    .then(
      () => (outcome = 'kept'),
      () => (outcome = 'rejected'),
    )
  sinks[0].settle(new Error('no'))
  await settle()
  expect(outcome).toBe('open')
  sinks[1].settle()
  await settle()
  expect(outcome).toBe('rejected')
})

test('a rejected batch tells how many of its messages were selected for a destination that rejected it', async () => {
  const sinks = ['all', 'a', 'b'].map((name) => new HeldSink(name))
  const routes = [
    { where: containing('x'), to: [0], final: false },
    { where: containing('a'), to: [1], final: false },
    { where: containing('b'), to: [2], final: false },
  ]
  const texts = ['x', 'xa', 'xb', 'xab', 'none']
  const write = async (...rejecting: HeldSink[]) => {
    const given = batch([{ texts }])
    const written = new Router(routes, sinks, createMetrics()).sinkFor('network').write(given)
    for (const sink of sinks) sink.settle(rejecting.includes(sink) ? new Error('no') : undefined)
    await written.catch(() => {})
    return given.rejected
  }
  expect(await write()).toBe(undefined)
  expect(await write(sinks[1])).toBe(2)
  expect(await write(sinks[1], sinks[2])).toBe(3)
  expect(await write(sinks[0], sinks[1])).toBe(4)
})

test('messages that no route selects are counted', async () => {
  const metrics = createMetrics()
  const router = new Router([{ where: containing('a'), to: [0], final: false }], [new MemorySink()], metrics)
  await router.sinkFor('network').write(batch([{ texts: ['a', 'b', 'c'] }]))
  expect(await metrics.total('sluice_unrouted_total')).toBe(2)
})

test('after a write only its creator still holds the slab', async () => {
  const pool = new SlabPool()
  const router = new Router([{ where: containing('a'), to: [0], final: false }], [new MemorySink()], createMetrics())
  const given = batch([{ texts: ['a', 'b'] }], pool)
  await router.sinkFor('network').write(given)
  expect(pool.bytesOut).toBeGreaterThan(0)
  given.slab.release()
  expect(pool.bytesOut).toBe(0)
})

test('a route with a mask stores masked bytes, and the copy is released', async () => {
  const pool = new SlabPool()
  const mask = masking('s', pool)
  const sinks = [new MemorySink(), new MemorySink()]
  const routes = [
    { to: [0], final: false, mask },
    { to: [1], final: false },
  ]
  await new Router(routes, sinks, createMetrics()).sinkFor('network').write(batch([{ texts: ['pass', 'b'] }]))
  expect(sinks.map((sink) => sink.texts)).toEqual([
    ['pa**', 'b'],
    ['pass', 'b'],
  ])
  expect(pool.bytesOut).toBe(0)
})

test('the masks of all routes to a destination work on one copy', async () => {
  const sink = new MemorySink()
  const copies: (Batch | undefined)[] = []
  const routes = ['a', 'b', 'c'].map((letter): Route => {
    const mask = masking(letter, new SlabPool())
    return {
      where: containing(letter),
      to: [0],
      final: true,
      mask(given, of, copy) {
        copies.push(copy)
        return mask(given, of, copy)
      },
    }
  })
  const texts = ['abc', 'bc', 'c', 'd']
  await new Router(routes, [sink], createMetrics()).sinkFor('network').write(batch([{ texts }]))
  expect(sink.texts).toEqual(['*bc', '*c', '*'])
  expect(copies.map((copy) => copy !== undefined)).toEqual([false, true, true])
})

test('a mask applies only to messages that its route selected, even if other routes lead to the same destination', async () => {
  const routes = [
    { where: containing('a'), to: [0], final: false, mask: masking('s', new SlabPool()) },
    { where: containing('b'), to: [0], final: false },
  ]
  expect(await routed(routes, ['as', 'bs', 'abs', 'cs'], 1)).toEqual([['a*', 'bs', 'ab*']])
})

test('any routes and messages: the result equals an evaluation message by message', async () => {
  const letters = ['a', 'b', 'c', 'd']
  const route = fc.record({
    where: fc.option(fc.constantFrom(...letters), { nil: undefined }),
    to: fc.uniqueArray(fc.nat(2), { minLength: 1 }),
    final: fc.boolean(),
    mask: fc.option(fc.constantFrom(...letters), { nil: undefined }),
  })
  const text = fc.array(fc.constantFrom(...letters), { maxLength: 3 }).map((chosen) => chosen.join(''))
  await fc.assert(
    fc.asyncProperty(fc.array(route, { maxLength: 5 }), fc.array(text, { maxLength: 8 }), async (routes, texts) => {
      const expected: string[][] = [[], [], []]
      for (const message of texts) {
        const reached = new Map<number, string>()
        for (const { where, to, final, mask } of routes) {
          if (where !== undefined && !message.includes(where)) continue
          for (const index of to) {
            const stored = reached.get(index) ?? message
            reached.set(index, mask === undefined ? stored : stored.replaceAll(mask, '*'))
          }
          if (final) break
        }
        for (const [index, stored] of reached) expected[index].push(stored)
      }
      const pool = new SlabPool()
      const real = routes.map(({ where, to, final, mask }) => ({
        ...{ to, final },
        ...(where && { where: containing(where) }),
        ...(mask && { mask: masking(mask, pool) }),
      }))
      expect(await routed(real, texts)).toEqual(expected)
    }),
  )
})

test('defects are counted once per message, whichever destinations parse the headers', async () => {
  const metrics = createMetrics()
  const reader = (mask: (text: string) => number): Sink => ({
    write(given) {
      given.defects = Uint32Array.from(textsOf(given), mask)
      return Promise.resolve()
    },
  })
  const missing = (text: string) => (text.includes('x') ? defectBit('PRI_MISSING') : 0)
  const routes = [
    { where: containing('a'), to: [0], final: false },
    { where: containing('b'), to: [1], final: false },
    { to: [2], final: false },
  ]
  const router = new Router(routes, [reader(missing), reader(missing), new MemorySink()], metrics)
  await router.sinkFor('network').write(batch([{ texts: ['ax', 'bx', 'abx', 'a', 'cx'] }]))
  expect((await metrics.snapshot()).get('sluice_defects_total{code="PRI_MISSING",source="network"}')).toBe(3)
})

test('defects that destinations find are not counted again if the router has parsed the headers', async () => {
  const metrics = createMetrics()
  const sink: Sink = {
    write(given) {
      headersOf(given)
      given.defects = Uint32Array.of(defectBit('PRI_MISSING'))
      return Promise.resolve()
    },
  }
  const routes = [{ to: [0, 1], final: false }]
  await new Router(routes, [sink, sink], metrics).sinkFor('network').write(batch([{ texts: ['no PRI'] }]))
  expect(await metrics.total('sluice_defects_total')).toBe(1)
})
