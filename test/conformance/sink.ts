// What every sink keeps, whatever is behind it (`common/pipeline/sink.ts`). A test file for each implementation calls this
// with how to make one and how to see what came out of it.

import { expect, onTestFinished, test } from 'vitest'
import { releaseBatch, selectMessages, type Batch } from '../../common/pipeline/batch.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { batch } from '../pipeline/batches.ts'
import { DEADLINE_MS, temporaryFolder } from './surroundings.ts'

export interface SinkSubject {
  readonly sink: Sink
  /** The texts that came out, a list for each place (file, receiver), each in its order. */
  output(): Promise<string[][]>
  /** Absent where the sink has no end of its own. */
  close?(deadlineMs: number): Promise<void>
}

export interface SinkTraits {
  /** A sink that is open, on what earlier ones left in the folder. */
  readonly make: (folder: string) => Promise<SinkSubject>
  /** Whether it keeps positions of streams. */
  readonly durable?: boolean
  /** A sink out of which nothing can come; absent where there is no such state. */
  readonly stalled?: (folder: string) => Promise<SinkSubject>
  /** What a text looks like when it came out; the same where absent. */
  readonly shown?: (text: string) => string
  /** Longer texts come out in pieces. */
  readonly textBytesMax?: number
}

/** A message of this text: RFC 3164, so that every output can tell text from header. */
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

  /** Waits until these texts are out: each once, no others, and in this order wherever several are in one place. */
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

  test(`${name}: a write settles, and its messages are out, once`, async () => {
    const subject = await open()
    await subject.sink.write(batch([{ texts: messages(['one', 'two', 'three']) }]))
    await cameOut(subject, ['one', 'two', 'three'])
    await subject.close()
    await cameOut(subject, ['one', 'two', 'three'])
  })

  test(`${name}: many open writes all settle, in order for each stream`, async () => {
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

  test(`${name}: an empty batch settles and nothing comes out, with and without a stream`, async () => {
    const subject = await open()
    await subject.sink.write(batch([]))
    await subject.sink.write(batch([{ texts: [], from: 70 }]))
    const whole = stream(numbered(0, 3), 100)
    const none = selectMessages(whole, new Uint8Array(3))
    await subject.sink.write(none)
    await subject.sink.write(batch([{ texts: [message('last')] }]))
    await cameOut(subject, ['last'])
  })

  test(`${name}: hostile bytes come out as they went in, each message for itself`, async () => {
    const subject = await open()
    await subject.sink.write(batch([{ texts: HOSTILE.map((text) => message(text)) }]))
    await cameOut(subject, HOSTILE)
  })

  test(`${name}: a message of a mebibyte comes out whole, between its neighbours`, async () => {
    const subject = await open()
    const length = traits.textBytesMax ?? 1024 * 1024 - message('').length
    const texts = ['before', 'x'.repeat(length - 1) + 'y', 'after']
    await subject.sink.write(batch([{ texts: texts.map((text) => message(text)) }]))
    await cameOut(subject, texts)
  })

  test(`${name}: a batch's memory is not read when its write has settled`, async () => {
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

  test(`${name}: a selection comes out right: its messages, no others`, async () => {
    const subject = await open()
    const whole = batch([
      { texts: messages(numbered(0, 6)), from: 0 },
      { texts: messages(numbered(6, 9)), source: 'other' },
    ])
    await subject.sink.write(selectMessages(whole, Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 0, 1)))
    await subject.sink.write(selectMessages(whole, new Uint8Array(9)))
    await cameOut(subject, ['number 0.', 'number 3.', 'number 8.'])
  })

  test(`${name}: several runs and origins in one batch keep their order`, async () => {
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

  test(`${name}: close settles every open write, and all of it is out`, async () => {
    const subject = await open()
    const writes = Array.from({ length: 50 }, (_, i) => subject.sink.write(oneOf(i)))
    await subject.close()
    await Promise.all(writes)
    await cameOut(subject, numbered(0, 50))
  })

  test(`${name}: after close a write is rejected with STOPPING`, async () => {
    const subject = await open()
    await subject.close()
    await expect(subject.sink.write(oneOf(0))).rejects.toMatchObject(STOPPING)
  })

  test(`${name}: where nothing can come out, close rejects every open write at its deadline`, async () => {
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

  test(`${name}: what is repeated of a stream comes out once, however it is cut`, async () => {
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

  test(`${name}: a repeat is known by the next one that opens, too`, async () => {
    const first = await open()
    await first.sink.write(part(0, 20))
    await first.close()
    const second = await open(undefined, first.folder)
    await second.sink.write(part(10, 25))
    await second.sink.write(part(0, 30))
    await cameOut(second, texts)
  })

  test(`${name}: what a selection left out counts as passed`, async () => {
    const subject = await open()
    await subject.sink.write(selectMessages(part(0, 10), new Uint8Array(10)))
    await subject.sink.write(part(0, 12))
    await cameOut(subject, texts.slice(10, 12))
  })

  test(`${name}: gaps in a stream are legal, and streams do not know of each other`, async () => {
    const subject = await open()
    await subject.sink.write(part(0, 2))
    await subject.sink.write(part(10, 12))
    await subject.sink.write(stream(['other one.'], 0, 'e'.repeat(32)))
    await cameOut(subject, [...texts.slice(0, 2), ...texts.slice(10, 12), 'other one.'])
  })
}
