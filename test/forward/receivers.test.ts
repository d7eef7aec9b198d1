// Hands and receivers with fake lanes: single cases, and random sequences against receivers that keep marks.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RECEIVER_WELL_MS } from '../../common/limits.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { systemPlatform } from '../../common/platform.ts'
import type { Balance } from '../../shipper/forward/balancing.ts'
import type { Given, Lane, LaneOwner } from '../../shipper/forward/lane.ts'
import { Receivers } from '../../shipper/forward/receivers.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock, settle } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { textsOf } from '../fake/sink.ts'

/** A lane to a receiver that keeps marks: it drops messages that end at or below the mark of their stream. */
class FakeLane implements Lane {
  readonly to: string
  readonly stored: string[] = []
  readonly known = new Map<string, number>()
  isUp = true
  closed = false
  inDoubt = 0
  /** Batches that were given and not acknowledged; the receiver has stored the first `sent` of them. */
  given: Given[] = []
  sent = 0
  readonly #owner: LaneOwner
  readonly streams = {
    marks: (ids: readonly string[]) =>
      this.isUp
        ? Promise.resolve(new Map([...this.known].filter(([id]) => ids.includes(id))))
        : Promise.reject(new Error(`${this.to} is away`)),
    retire: (ids: readonly string[]) => Promise.resolve(ids.forEach((id) => this.known.delete(id))),
  }

  constructor(to: string, owner: LaneOwner) {
    this.to = to
    this.#owner = owner
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  give(given: Given): void {
    this.given.push(given)
  }

  takeBack(): Given[] {
    for (const { batch } of this.given.slice(0, this.sent)) this.inDoubt += batch.count
    this.sent = 0
    return this.given.splice(0)
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  /** Lets the receiver store the next batch. */
  store(): void {
    if (!this.isUp || this.sent === this.given.length) return
    const { batch, own } = this.given[this.sent++]
    const texts = textsOf(batch)
    let i = 0
    for (const { count, stream } of batch.runs) {
      const id = stream?.id ?? own.id
      const mark = this.known.get(id) ?? -1
      for (let at = 0; at < count; at += 1, i += 1) {
        const end = stream ? stream.from + stream.ends[at] : own.from + i + 1
        if (end > mark) this.stored.push(texts[i])
      }
      this.known.set(id, Math.max(mark, stream ? stream.to : own.from + i))
    }
  }

  /** Lets the receiver acknowledge the oldest stored batch. */
  acknowledge(): void {
    if (!this.isUp || this.sent === 0) return
    this.sent -= 1
    this.given.shift()!.resolve()
  }

  serve(): void {
    while (this.isUp && this.given.length > 0) {
      this.store()
      this.acknowledge()
    }
  }

  lose(): void {
    this.isUp = false
    this.#owner.changed(false)
  }

  /** Lets the receiver come back: batches that it has stored settle, the others are sent again. */
  recover(): void {
    if (this.isUp) return
    this.isUp = true
    for (; this.sent > 0; this.sent -= 1) this.given.shift()!.resolve()
    this.#owner.changed(true)
  }
}

function fixture(balance: Balance, count: number) {
  const clock = new FakeClock()
  const lanes: FakeLane[] = []
  const metrics = createMetrics()
  const platform = { ...systemPlatform(fakeLog(), metrics), clock }
  const makes = Array.from({ length: count }, (_, i) => (owner: LaneOwner) => {
    lanes.push(new FakeLane('abc'[i], owner))
    return lanes[i]
  })
  return { clock, lanes, metrics, receivers: new Receivers('up', balance, makes, platform) }
}

const loose = (...texts: string[]) => batchOf(texts, originOf(), 0)

function inStream(id: string, from: number, texts: string[]): Batch {
  const batch = loose(...texts)
  const ends = Uint32Array.from(texts, (_, i) => i + 1)
  return { ...batch, runs: [{ ...batch.runs[0], stream: { id, from, to: from + texts.length, ends } }] }
}

/** Both batches joined to one with two runs. */
function both(first: Batch, second: Batch): Batch {
  const joined = loose(...textsOf(first), ...textsOf(second))
  return { ...joined, runs: [...first.runs, ...second.runs] }
}

test('failover: when the first receiver is lost, its unacknowledged batches go to the second, in order and before new ones', () => {
  const { lanes, receivers } = fixture('failover', 2)
  for (const text of ['1', '2', '3']) void receivers.write(loose(text))
  lanes[0].store()
  lanes[0].acknowledge()
  lanes[0].store()
  lanes[0].lose()
  void receivers.write(loose('4'))
  lanes[1].serve()
  expect([lanes[0].stored, lanes[1].stored]).toEqual([['1', '2'], ['2', '3', '4']]) // prettier-ignore
  expect(lanes[0].inDoubt).toBe(1)
})

test('failover: sending returns home once home has been well for a while and everything is acknowledged elsewhere', async () => {
  const { clock, lanes, receivers } = fixture('failover', 2)
  lanes[0].lose()
  lanes[0].recover()
  void receivers.write(loose('1'))
  await clock.pass(RECEIVER_WELL_MS)
  void receivers.write(loose('2'))
  expect(lanes.map(({ given }) => given.length)).toEqual([0, 1])
  lanes[1].serve()
  expect(lanes.map(({ given }) => given.length)).toEqual([1, 0])
  lanes[0].serve()
  expect(lanes.map(({ stored }) => stored)).toEqual([['2'], ['1']])
})

test('failover: the wait before returning grows each time if home accepts everything but acknowledges nothing', async () => {
  const { clock, lanes, receivers } = fixture('failover', 2)
  let stayed = 0
  for (let round = 0; round < 3; round += 1) {
    void receivers.write(loose('lost at home'))
    expect(lanes[0].given).toHaveLength(1)
    await clock.pass(10 * RECEIVER_WELL_MS)
    lanes[0].lose()
    lanes[0].recover()
    for (stayed = 0; lanes[0].given.length === 0; stayed += 1) {
      lanes[1].serve()
      await clock.pass(1_000)
      void receivers.write(loose('more'))
    }
    // The next round has to begin with nothing open at home.
    lanes[0].serve()
  }
  // The first two waits are 10 s and 20 s, less their jitter.
  expect(stayed * 1_000).toBeGreaterThanOrEqual(2 * RECEIVER_WELL_MS)
})

test('batches that wait to go home go there with the others if the present receiver is lost', async () => {
  const { clock, lanes, receivers } = fixture('failover', 2)
  lanes[0].lose()
  lanes[0].recover()
  void receivers.write(loose('1'))
  await clock.pass(RECEIVER_WELL_MS)
  void receivers.write(loose('2'))
  lanes[1].lose()
  lanes[0].serve()
  expect(lanes[0].stored).toEqual(['1', '2'])
})

test('while no receiver is usable everything waits, and then goes to the first that comes back', () => {
  const { lanes, receivers } = fixture('failover', 3)
  void receivers.write(loose('1'))
  for (const lane of lanes) lane.lose()
  void receivers.write(loose('2'))
  lanes[2].recover()
  lanes[2].serve()
  expect(lanes.map(({ stored }) => stored)).toEqual([[], [], ['1', '2']])
})

test('a single receiver gets its batches again when it comes back', () => {
  const { lanes, receivers } = fixture('failover', 1)
  void receivers.write(loose('1'))
  lanes[0].lose()
  lanes[0].recover()
  lanes[0].serve()
  expect([lanes[0].stored, lanes[0].inDoubt]).toEqual([['1'], 0])
})

test('round-robin: a batch of several streams is split between receivers, and settles when all have acknowledged it', async () => {
  const { lanes, receivers } = fixture('round-robin', 2)
  let settled = false
  const write = receivers
    .write(both(inStream('s', 0, ['s1', 's2']), inStream('t', 0, ['t1'])))
    .then(() => (settled = true))
  lanes[0].serve()
  await settle()
  expect(settled).toBe(false)
  lanes[1].serve()
  await write
  expect(lanes.map(({ stored }) => stored)).toEqual([['s1', 's2'], ['t1']])
  expect(lanes.map(({ known }) => [...known.keys()])).toEqual([['s'], ['t']])
})

test('round-robin: the streams of a lost receiver go to the next one, the others stay', () => {
  const { lanes, receivers } = fixture('round-robin', 3)
  for (const id of ['s', 't', 'u']) void receivers.write(inStream(id, 0, [`${id}1`]))
  lanes[1].lose()
  void receivers.write(inStream('t', 1, ['t2']))
  void receivers.write(inStream('s', 1, ['s2']))
  for (const lane of lanes) lane.serve()
  expect(lanes.map(({ stored }) => stored)).toEqual([['s1', 's2'], [], ['u1', 't1', 't2']])
})

test('messages of a stream that come again while they wait are sent once, and settle after those that wait', async () => {
  const { lanes, receivers, metrics } = fixture('failover', 1)
  const settled: string[] = []
  const write = (name: string, batch: Batch) => void receivers.write(batch).then(() => settled.push(name))
  write('first', inStream('s', 0, ['one', 'two']))
  // The sender has connected again, and cuts its batches differently.
  write('again', inStream('s', 0, ['one']))
  write('rest', both(inStream('s', 1, ['two', 'three']), loose('no stream')))
  write('other', inStream('t', 0, ['another stream']))
  expect(lanes[0].given.map(({ batch }) => textsOf(batch))).toEqual([
    ['one', 'two'],
    [],
    ['three', 'no stream'],
    ['another stream'],
  ])
  await settle()
  expect(settled).toEqual([])
  lanes[0].serve()
  await settle()
  expect(settled).toEqual(['first', 'again', 'rest', 'other'])

  // The answer was lost with the connection of the sender.
  write('once more', inStream('s', 0, ['one', 'two', 'three']))
  lanes[0].serve()
  await settle()
  expect(settled.at(-1)).toBe('once more')
  expect(lanes[0].stored).toEqual(['one', 'two', 'three', 'no stream', 'another stream'])
  expect(await metrics.total('sluice_repeats_total')).toBe(5)
})

test('what a receiver with marks has lost, since it was set back to an older state, is sent again', async () => {
  const { lanes, receivers } = fixture('failover', 1)
  const write = (batch: Batch) => {
    const written = receivers.write(batch)
    lanes[0].serve()
    return written
  }
  await write(inStream('s', 0, ['one', 'two', 'three']))
  lanes[0].known.set('s', 1)
  lanes[0].stored.length = 1
  expect(await receivers.streams!.marks(['s'])).toEqual(new Map([['s', 1]]))
  await write(inStream('s', 1, ['two', 'three']))
  expect(lanes[0].stored).toEqual(['one', 'two', 'three'])
})

test('marks are the highest of all usable receivers; without one the query is rejected', async () => {
  const { lanes, receivers } = fixture('failover', 3)
  lanes[0].known.set('s', 3).set('t', 9)
  lanes[1].known.set('s', 5)
  lanes[2].known.set('s', 7)
  lanes[2].lose()
  expect(await receivers.streams!.marks(['s', 't', 'u'])).toEqual(new Map([['s', 5], ['t', 9]])) // prettier-ignore
  lanes[0].lose()
  lanes[1].lose()
  await expect(receivers.streams!.marks(['s'])).rejects.toThrow('away')
})

test('marks: a receiver that is lost during the query is not waited for if another one is usable', async () => {
  const { lanes, receivers } = fixture('failover', 2)
  lanes[1].known.set('s', 5)
  lanes[0].streams.marks = () => new Promise(() => {})
  const marks = receivers.streams!.marks(['s'])
  lanes[0].lose()
  expect(await marks).toEqual(new Map([['s', 5]]))
})

test('an ended stream is retired at all receivers', async () => {
  const { lanes, receivers } = fixture('round-robin', 2)
  for (const { known } of lanes) known.set('s', 1).set('t', 2)
  await receivers.streams!.retire(['s', 't'])
  expect(lanes.map(({ known }) => known.size)).toEqual([0, 0])
})

test('close waits for open writes until the deadline, and rejects those that wait for a share to move', async () => {
  const { clock, lanes, receivers } = fixture('failover', 2)
  lanes[0].lose()
  lanes[0].recover()
  receivers.write(loose('1')).catch(() => {})
  await clock.pass(RECEIVER_WELL_MS)
  const held = receivers.write(loose('2'))
  const rejected = expect(held).rejects.toMatchObject({ code: 'STOPPING' })
  const closing = receivers.close(1000)
  await clock.pass(999)
  expect(lanes[0].closed).toBe(false)
  await clock.pass(1)
  await Promise.all([rejected, closing])
  expect(lanes.map(({ closed }) => closed)).toEqual([true, true])
  await expect(receivers.write(loose('3'))).rejects.toMatchObject({ code: 'STOPPING' })
})

test('random losses: every message is stored, never twice at one receiver, and repeats elsewhere are counted as in doubt', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), on: fc.nat(3) }) },
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constantFrom('store' as const, 'acknowledge' as const), on: fc.nat(2) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'recover' as const), on: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), on: fc.nat(2) }) },
  )
  const balance = fc.constantFrom<Balance[]>('failover', 'round-robin', 'hash')
  await fc.assert(
    fc.asyncProperty(balance, fc.array(step, { minLength: 40, maxLength: 150 }), async (how, steps) => {
      const { clock, lanes, receivers } = fixture(how, 3)
      const sent: string[] = []
      const nextOf = [0, 0, 0]
      const piece = (stream: number): Batch => {
        const texts = [`${sent.length}`, `${sent.length + 1}`]
        sent.push(...texts)
        // The messages of number 3 have no stream.
        if (stream === 3) return loose(...texts)
        nextOf[stream] += 2
        return inStream(`s${stream}`, nextOf[stream] - 2, texts)
      }
      const writes: Promise<void>[] = []
      for (const { do: what, on } of steps) {
        if (what === 'write') writes.push(receivers.write(both(piece(on), piece((on + 1) % 4))))
        else if (what === 'wait') await clock.pass(RECEIVER_WELL_MS * 2)
        else lanes[on][what]()
        await settle()
      }
      for (const lane of lanes) lane.recover()
      for (let i = 0; i < 10; i += 1) for (const lane of lanes) lane.serve()
      await Promise.all(writes)
      for (const { stored } of lanes) expect(new Set(stored).size).toBe(stored.length)
      const all = lanes.flatMap(({ stored }) => stored)
      expect(new Set(all)).toEqual(new Set(sent))
      expect(all.length - sent.length).toBeLessThanOrEqual(lanes.reduce((sum, { inDoubt }) => sum + inDoubt, 0))
      // The highest mark of each stream is its last position.
      const ids = ['s0', 's1', 's2'].filter((_, i) => nextOf[i] > 0)
      const marks = await receivers.streams!.marks(ids)
      for (const id of ids) expect(marks.get(id)).toBe(nextOf[Number(id[1])])
    }),
    { numRuns: 500 },
  )
})
