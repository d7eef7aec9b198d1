// The suite that every sink has to pass (`common/pipeline/sink.ts`). The test file of an implementation calls it with functions that
// make a sink and read its output.

import { expect, onTestFinished, test } from 'vitest'
import { releaseBatch, selectMessages, type Batch } from '../../common/pipeline/batch.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { batch } from '../pipeline/batches.ts'
import { DEADLINE_MS, temporaryFolder } from './surroundings.ts'

export interface SinkSubject {
  readonly sink: Sink
  /** The texts of the output so far, one list in order for each place (file, receiver). */
  output(): Promise<string[][]>
  /** Absent if the sink cannot be closed. */
  close?(deadlineMs: number): Promise<void>
}

export interface SinkTraits {
  /** Opens a sink on what earlier ones have left in the folder. */
  readonly make: (folder: string) => Promise<SinkSubject>
  /** Whether it keeps the positions of streams. */
  readonly durable?: boolean
  /** Opens a sink that cannot write anything; absent if there is no such state. */
  readonly stalled?: (folder: string) => Promise<SinkSubject>
  /** Converts a text to its form in the output; absent if it is unchanged. */
  readonly shown?: (text: string) => string
  /** Longer texts are split. */
  readonly textBytesMax?: number
}

/** A message with this text and an RFC 3164 header, which every output can separate from the text. */
export const message = (text: string, program: string = 'p') => `<13>Nov 23 10:00:00 h ${program}: ${text}`

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `number ${from + i}.`)
const messages = (texts: readonly string[]) => texts.map((text, i) => message(text, `p${i % 3}`))
const stream = (texts: readonly string[], from: number, id?: string) =>
  batch([{ texts: messages(texts), from, ...(id !== undefined && { id }) }])

// Latin1, so that every byte is one character.
const HOSTILE = [
  'a\0b',
  '\0',
  'one\ntwo',
  'one\r\ntwo\r',
  'invalid \xff\xfe\xc0\x80 bytes',
  'cut \xe2\x82',
  '\x1b[31mred\x07',
  '<13>Nov 23 10:00:00 forged p: line',
  '12 <13>counted',
  'x'.repeat(255),
  '%s%n #012',
]

/** Declares the suite. */
export function conformsAsSink(name: string, traits: SinkTraits): void {
  const shown = traits.shown ?? ((text: string) => text)

  async function open(make: SinkTraits['make'] = traits.make, folder = temporaryFolder()) {
    const subject = await make(folder)
    let isClosed = false
    const close = async (deadlineMs = DEADLINE_MS) => {
      if (isClosed) return
      isClosed = true
      await subject.close?.(deadlineMs)
    }
    onTestFinished(() => close(0))
    return { ...subject, folder, close }
  }

  /** Waits for the output to have exactly these texts, each once; those in the same place have to be in this order. */
  async function cameOut(subject: SinkSubject, texts: readonly string[]): Promise<void> {
    const expected = texts.map(shown)
    const count = async () => (await subject.output()).flat().length
    await expect.poll(count, { timeout: DEADLINE_MS }).toBeGreaterThanOrEqual(expected.length)
    const places = await subject.output()
    expect(places.flat().sort()).toEqual(expected.toSorted())
    for (const place of places) {
      const here = new Set(place)
      expect(place).toEqual(expected.filter((text) => here.has(text)))
    }
  }

  test(`${name}: when a write has settled, its messages are in the output, once`, async () => {
    const subject = await open()
    await subject.sink.write(batch([{ texts: messages(['one', 'two', 'three']) }]))
    await cameOut(subject, ['one', 'two', 'three'])
    await subject.close()
    await cameOut(subject, ['one', 'two', 'three'])
  })

  test(`${name}: many writes that are open at once all settle, in call order within each stream`, async () => {
    const subject = await open()
    const ids = ['b', 'c', 'd'].map((digit) => digit.repeat(32))
    const settled = new Map(ids.map((id) => [id, [] as number[]]))
    const texts: string[] = []
    const writes: Promise<unknown>[] = []
    for (let i = 0; i < 150; i += 1) {
      const id = ids[i % ids.length]
      const own = numbered(10 * i, 10 * i + 1 + (i % 7))
      texts.push(...own)
      writes.push(subject.sink.write(stream(own, 1000 * i, id)).then(() => settled.get(id)!.push(i)))
    }
    await Promise.all(writes)
    for (const order of settled.values()) expect(order).toEqual(order.toSorted((a, b) => a - b))
    await cameOut(subject, texts)
  })

  test(`${name}: an empty batch, with or without a stream, settles and writes nothing`, async () => {
    const subject = await open()
    await subject.sink.write(batch([]))
    await subject.sink.write(batch([{ texts: [], from: 70 }]))
    const whole = stream(numbered(0, 3), 100)
    const none = selectMessages(whole, new Uint8Array(3))
    await subject.sink.write(none)
    await subject.sink.write(batch([{ texts: [message('last')] }]))
    await cameOut(subject, ['last'])
  })

  test(`${name}: messages with control bytes, invalid UTF-8 or forged headers stay separate and unchanged`, async () => {
    const subject = await open()
    await subject.sink.write(batch([{ texts: HOSTILE.map((text) => message(text)) }]))
    await cameOut(subject, HOSTILE)
  })

  test(`${name}: a message of the maximum size is written whole, between its neighbours`, async () => {
    const subject = await open()
    const length = traits.textBytesMax ?? 1024 * 1024 - message('').length
    const texts = ['before', 'x'.repeat(length - 1) + 'y', 'after']
    await subject.sink.write(batch([{ texts: texts.map((text) => message(text)) }]))
    await cameOut(subject, texts)
  })

  test(`${name}: a batch's memory is not read after its write has settled`, async () => {
    const subject = await open()
    const pool = new SlabPool()
    const texts = numbered(0, 200)
    const writes = Array.from({ length: 20 }, async (_, i) => {
      const own = batch([{ texts: messages(texts.slice(10 * i, 10 * i + 10)), from: 100 * i }], pool)
      await subject.sink.write(own)
      own.slab.bytes.fill('#')
      own.bounds.fill(0)
      releaseBatch(own)
    })
    await Promise.all(writes)
    expect(pool.bytesOut).toBe(0)
    await subject.close()
    await cameOut(subject, texts)
  })

  test(`${name}: of a selection of a batch, exactly the selected messages are written`, async () => {
    const subject = await open()
    const whole = batch([
      { texts: messages(numbered(0, 6)), from: 0 },
      { texts: messages(numbered(6, 9)), source: 'other' },
    ])
    await subject.sink.write(selectMessages(whole, Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 0, 1)))
    await subject.sink.write(selectMessages(whole, new Uint8Array(9)))
    await cameOut(subject, ['number 0.', 'number 3.', 'number 8.'])
  })

  test(`${name}: a batch with several runs and origins is written in order`, async () => {
    const subject = await open()
    const texts = numbered(0, 12)
    const runs = [0, 1, 2, 3].map((i) => ({
      texts: messages(texts.slice(3 * i, 3 * i + 3)),
      source: `source ${i}`,
      ...(i % 2 === 1 && { from: 0, id: String(i).repeat(32) }),
    }))
    await subject.sink.write(batch(runs))
    await cameOut(subject, texts)
  })

  closing(name, traits, open, cameOut)
  if (traits.durable) repeating(name, open, cameOut)
}

type Opened = SinkSubject & { readonly folder: string; readonly close: (deadlineMs?: number) => Promise<void> }
type Open = (make?: SinkTraits['make'], folder?: string) => Promise<Opened>
type CameOut = (subject: SinkSubject, texts: readonly string[]) => Promise<void>

const oneOf = (i: number): Batch => stream(numbered(i, i + 1), 10 * i)
const STOPPING = { code: 'STOPPING' }

function closing(name: string, traits: SinkTraits, open: Open, cameOut: CameOut): void {
  if (!traits.stalled) return

  test(`${name}: close settles all open writes, and their messages are in the output`, async () => {
    const subject = await open()
    const writes = Array.from({ length: 50 }, (_, i) => subject.sink.write(oneOf(i)))
    await subject.close()
    await Promise.all(writes)
    await cameOut(subject, numbered(0, 50))
  })

  test(`${name}: a write after close is rejected with STOPPING`, async () => {
    const subject = await open()
    await subject.close()
    await expect(subject.sink.write(oneOf(0))).rejects.toMatchObject(STOPPING)
  })

  test(`${name}: if nothing can be written, close rejects all open writes with STOPPING at its deadline`, async () => {
    const subject = await open(traits.stalled)
    const writes = Array.from({ length: 50 }, (_, i) => subject.sink.write(oneOf(i)))
    const outcomes = Promise.allSettled(writes)
    await subject.close(50)
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: STOPPING })
    }
    expect((await subject.output()).flat()).toEqual([])
  })
}

function repeating(name: string, open: Open, cameOut: CameOut): void {
  const texts = numbered(0, 30)
  const part = (from: number, to: number) => stream(texts.slice(from, to), 10 * from)

  test(`${name}: repeats of a stream are written once, even if the batches are cut differently`, async () => {
    const subject = await open()
    await subject.sink.write(part(0, 10))
    await subject.sink.write(part(0, 10))
    await Promise.all([
      subject.sink.write(part(5, 15)),
      subject.sink.write(part(14, 15)),
      subject.sink.write(part(2, 20)),
    ])
    await subject.sink.write(part(0, 30))
    await cameOut(subject, texts)
  })

  test(`${name}: repeats are recognised after the sink was closed and opened again`, async () => {
    const first = await open()
    await first.sink.write(part(0, 20))
    await first.close()
    const second = await open(undefined, first.folder)
    await second.sink.write(part(10, 25))
    await second.sink.write(part(0, 30))
    await cameOut(second, texts)
  })

  test(`${name}: messages that a selection left out advance the mark, and are not written later`, async () => {
    const subject = await open()
    await subject.sink.write(selectMessages(part(0, 10), new Uint8Array(10)))
    await subject.sink.write(part(0, 12))
    await cameOut(subject, texts.slice(10, 12))
  })

  test(`${name}: a stream may have gaps, and the position of one stream does not affect another`, async () => {
    const subject = await open()
    await subject.sink.write(part(0, 2))
    await subject.sink.write(part(10, 12))
    await subject.sink.write(stream(['other one.'], 0, 'e'.repeat(32)))
    await cameOut(subject, [...texts.slice(0, 2), ...texts.slice(10, 12), 'other one.'])
  })
}
