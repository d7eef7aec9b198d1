// The suite that every sink with stream marks has to pass (`StreamMarks` in `common/pipeline/sink.ts`). The test file of an
// implementation calls it with a function that makes a sink.

import { expect, onTestFinished, test } from 'vitest'
import { selectMessages } from '../../common/pipeline/batch.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { batch } from '../pipeline/batches.ts'
import { message } from './sink.ts'
import { suitePlatform, temporaryFolder, type SuitePlatform } from './surroundings.ts'

export interface MarksSubject {
  readonly sink: Sink
  readonly output: () => Promise<string[]>
  readonly close: () => Promise<void>
}

export interface MarksTraits {
  /** Opens a sink on what earlier ones have left in the folder. */
  readonly make: (folder: string, platform: SuitePlatform) => Promise<MarksSubject>
}

const DAY_US = 86_400_000_000
const TODAY = Date.UTC(2026, 10, 23, 12) * 1000
const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(32))

/** Declares the suite. */
export function keepsStreamMarks(name: string, traits: MarksTraits): void {
  /** Opens the sink with a clock that is `days` ahead. */
  async function open(folder = temporaryFolder(), days = 0) {
    const { clock, ...rest } = suitePlatform()
    const now = () => TODAY + days * DAY_US
    const subject = await traits.make(folder, { ...rest, clock: { ...clock, now } })
    let isClosed = false
    const close = async () => {
      if (!isClosed) await subject.close()
      isClosed = true
    }
    onTestFinished(close)
    /** A batch of messages, received now, whose positions begin at `from` and are 10 apart. */
    const batchOf = (from: number, texts: readonly string[], id = A) =>
      batch([{ texts: texts.map((text) => message(text)), from, id }], new SlabPool(), now())
    const write = (from: number, texts: readonly string[], id = A) => subject.sink.write(batchOf(from, texts, id))
    /** Writes a batch without messages that moves streams up to these positions, as if none of their messages were selected. */
    const reach = async (positions: ReadonlyMap<string, number>) => {
      const whole = batchOf(0, [])
      const runs = [...positions].map(([id, to]) => ({
        ...whole.runs[0],
        stream: { id, from: 0, to, ends: new Uint32Array() },
      }))
      await subject.sink.write({ ...whole, runs })
    }
    const { sink, output } = subject
    return { folder, sink, streams: sink.streams!, output, close, write, reach, batchOf }
  }

  test(`${name}: marks leaves out a stream that was never written`, async () => {
    const { streams, write } = await open()
    await write(0, ['one'], A)
    expect(await streams.marks([A, B])).toEqual(new Map([[A, 10]]))
    expect(await streams.marks([])).toEqual(new Map())
  })

  test(`${name}: a stream without a selected message has a mark, which is still known after reopening`, async () => {
    const first = await open()
    await first.reach(new Map([[A, 0]]).set(B, 700))
    expect(await first.streams.marks([A, B, C])).toEqual(new Map([[A, 0]]).set(B, 700))
    await first.close()
    const second = await open(first.folder)
    expect(await second.streams.marks([A, B, C])).toEqual(new Map([[A, 0]]).set(B, 700))
  })

  test(`${name}: messages up to the mark of their stream are not stored`, async () => {
    const { streams, reach, write, output } = await open()
    await reach(new Map([[A, 20]]))
    await write(0, ['one', 'two', 'three'])
    expect(await output()).toEqual(['three'])
    expect(await streams.marks([A])).toEqual(new Map([[A, 30]]))
  })

  test(`${name}: a mark does not go back if its stream is written and retired at the same time`, async () => {
    const subject = await open()
    const { streams, write, reach } = subject
    const texts = Array.from({ length: 20 }, (_, i) => `number ${i}.`)
    const all = [reach(new Map([[A, 0]])), ...texts.map((text, i) => write(10 * i, [text]))]
    all.push(streams.retire([A]), reach(new Map([[A, 0]]).set(B, 3)))
    await Promise.all(all)
    await subject.close()
    const second = await open(subject.folder)
    expect(await second.streams.marks([A, B])).toEqual(new Map([[A, 200]]).set(B, 3))
  })

  test(`${name}: the mark of a stream advances even if none of its messages is selected for months`, async () => {
    let { folder, sink, streams, batchOf, close } = await open()
    for (let day = 1; day <= 3; day += 1) {
      await close()
      ;({ sink, streams, batchOf, close } = await open(folder, 40 * day))
      const whole = batchOf(40 * (day - 1), ['a', 'b', 'c', 'd'])
      await sink.write(selectMessages(whole, new Uint8Array(4)))
      expect(await streams.marks([A])).toEqual(new Map([[A, 40 * day]]))
    }
  })

  test(`${name}: the mark of a quiet stream is still known on later days`, async () => {
    let { folder, streams, write, reach, close } = await open()
    await reach(new Map([[A, 7]]))
    await write(0, ['one'], B)
    for (let day = 1; day <= 3; day += 1) {
      await close()
      ;({ streams, write, close } = await open(folder, day))
      await write(10 * day, ['another'], C)
      expect(await streams.marks([A, B])).toEqual(new Map([[A, 7]]).set(B, 10))
    }
  })

  test(`${name}: the mark of a retired stream is known for a week, and not much longer`, async () => {
    const first = await open()
    await first.write(0, ['one'])
    await first.reach(new Map([[B, 5]]))
    await first.streams.retire([A, C])
    expect(await first.streams.marks([A, C])).toEqual(new Map([[A, 10]]))
    await first.close()
    const sixDaysOn = await open(first.folder, 6)
    await sixDaysOn.write(0, ['other'], C)
    expect(await sixDaysOn.streams.marks([A, B])).toEqual(new Map([[A, 10]]).set(B, 5))
    await sixDaysOn.close()
    const nineDaysOn = await open(first.folder, 9)
    await nineDaysOn.write(10, ['other'], C)
    await nineDaysOn.close()
    // The archive drops it a day later, since three days without a message may also mean that the clock has jumped.
    const tenDaysOn = await open(first.folder, 10)
    await tenDaysOn.write(20, ['other'], C)
    await tenDaysOn.close()
    const later = await open(first.folder, 10)
    expect(await later.streams.marks([A, B])).toEqual(new Map([[B, 5]]))
  })

  test(`${name}: messages of a retired stream are still stored, and repeats of it are recognised`, async () => {
    const { streams, write, output } = await open()
    await write(0, ['one', 'two'])
    await streams.retire([A])
    await write(0, ['one', 'two', 'three'])
    expect(await output()).toEqual(['one', 'two', 'three'])
    expect(await streams.marks([A])).toEqual(new Map([[A, 30]]))
  })

  test(`${name}: the mark of a stream that was silent for 90 days is forgotten, others are known`, async () => {
    const first = await open()
    await first.reach(new Map([[A, 1]]))
    await first.write(0, ['one'], B)
    await first.close()
    const later = await open(first.folder, 80)
    await later.write(10, ['two'], B)
    expect(await later.streams.marks([A, B])).toEqual(new Map([[A, 1]]).set(B, 20))
    await later.close()
    const muchLater = await open(first.folder, 92)
    await muchLater.write(0, ['other'], C)
    await muchLater.close()
    const nextDay = await open(first.folder, 93)
    await nextDay.write(10, ['other'], C)
    await nextDay.close()
    const last = await open(first.folder, 93)
    expect(await last.streams.marks([A, B])).toEqual(new Map([[B, 20]]))
  })

  test(`${name}: the marks of 5,000 streams in one batch are known after reopening`, async () => {
    const first = await open()
    const begins = new Map(Array.from({ length: 5000 }, (_, i) => [String(i).padStart(32, '0'), i]))
    await first.reach(begins)
    await first.close()
    const second = await open(first.folder)
    expect(await second.streams.marks([...begins.keys()])).toEqual(begins)
  })

  test(`${name}: retiring a stream after close is rejected with STOPPING`, async () => {
    const { streams, close } = await open()
    await close()
    await expect(streams.retire([A])).rejects.toMatchObject({ code: 'STOPPING' })
  })
}
