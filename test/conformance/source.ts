// The suite that every source has to pass (`common/pipeline/sink.ts`). The test file of an implementation calls it with functions that
// make a source and send to it.

import { expect, onTestFinished, test } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { OPEN_WRITE_BYTES_MAX, SLAB_BYTES, SLABS_BYTES_MAX } from '../../common/limits.ts'
import { batchBytes, type Batch } from '../../common/pipeline/batch.ts'
import type { Sink, Source } from '../../common/pipeline/sink.ts'
import { settle } from '../fake/clock.ts'
import { textsOf } from '../fake/sink.ts'
import { DEADLINE_MS, temporaryFolder, type SuitePlatform } from './surroundings.ts'

export interface SourceSubject {
  /** Not open yet. */
  readonly source: Source
  readonly platform: SuitePlatform
  /** Sends messages; resolves when the kernel has accepted or dropped them, which does not mean that they have been read. */
  readonly send: (texts: readonly string[]) => Promise<void>
}

export interface SourceTraits {
  make(folder: string): Promise<SourceSubject>
  /** Whether messages of a rejected write are read `again`, or `counted` as dropped. */
  readonly afterRejection: 'again' | 'counted'
  /** What happens to the sender while no write settles: it has to wait; it goes on, and nothing is lost; or messages are dropped. */
  readonly sender: 'waits' | 'goes on' | 'goes on, drops'
}

interface OpenWrite {
  readonly texts: readonly string[]
  readonly bytes: number
  readonly settle: (reason?: Error) => void
}

/** A sink that keeps writes open while it is `held`; `kept` has the texts of all settled writes. */
class SuiteSink implements Sink {
  held = false
  readonly kept: string[] = []
  open: OpenWrite[] = []

  write(batch: Batch): Promise<void> {
    const texts = textsOf(batch)
    if (!this.held) {
      this.kept.push(...texts)
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const done = (reason?: Error) => {
        if (reason) return reject(reason)
        this.kept.push(...texts)
        resolve()
      }
      this.open.push({ texts, bytes: batchBytes(batch), settle: done })
    })
  }

  get openBytes(): number {
    return this.open.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get openTexts(): string[] {
    return this.open.flatMap(({ texts }) => texts)
  }

  /** Settles all open writes, and all later ones at once. */
  release(): void {
    this.held = false
    for (const write of this.open.splice(0)) write.settle()
  }
}

const numbered = (from: number, to: number, bytes = 0) =>
  Array.from({ length: to - from }, (_, i) => `<13>Nov 23 10:00:00 h p: ${from + i} `.padEnd(bytes, 'x'))
const inNumbers = (texts: readonly string[]) => texts.map((text) => Number(/p: (\d+) /.exec(text)?.[1]))
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Declares the suite. */
export function conformsAsSource(name: string, traits: SourceTraits): void {
  async function run(sink: SuiteSink, signal?: AbortSignal) {
    const subject = await traits.make(temporaryFolder())
    const { source, platform } = subject
    await source.open()
    const stop = new AbortController()
    const state = { isOver: false }
    const running = source.run(sink, signal ?? stop.signal).then(() => (state.isOver = true))
    const end = async () => {
      stop.abort()
      await running
    }
    onTestFinished(() => {
      sink.release()
      return end()
    })
    const dropped = () => platform.metrics.total('sluice_dropped_total')
    return { ...subject, state, stop: () => stop.abort(), end, dropped }
  }

  const until = (holds: () => boolean | Promise<boolean>) =>
    expect.poll(async () => holds(), { timeout: DEADLINE_MS, interval: 5 }).toBe(true)

  test(`${name}: every message is read whole, once and in order`, async () => {
    const sink = new SuiteSink()
    const { send, end, platform } = await run(sink)
    for (let i = 0; i < 10; i += 1) await send(numbered(100 * i, 100 * i + 100))
    await until(() => sink.kept.length >= 1000)
    await end()
    expect(sink.kept).toEqual(numbered(0, 1000))
    expect(await platform.metrics.total('sluice_received_total')).toBe(1000)
  })

  test(`${name}: while no write settles, open writes and memory are bounded, and reading continues afterwards`, async () => {
    const sink = new SuiteSink()
    sink.held = true
    const { send, end, dropped, platform } = await run(sink)
    const bytes = 16 * 1024
    const waits = traits.sender === 'waits'
    const drops = traits.sender === 'goes on, drops'
    const count = (3 * OPEN_WRITE_BYTES_MAX) / bytes
    let sent = false
    const sending = (async () => {
      for (let i = 0; i < count; i += 16) await send(numbered(i, i + 16, bytes))
      sent = true
    })()
    // Waits until the source has stopped reading: nothing changes over many turns of the event loop.
    await until(async () => {
      const before = sink.openBytes + (await dropped())
      for (let turn = 0; turn < 200; turn += 1) await settle()
      if (sent === waits) return false
      return sink.openBytes > OPEN_WRITE_BYTES_MAX / 2 && sink.openBytes + (await dropped()) === before
    })
    expect(sink.openBytes).toBeLessThan(OPEN_WRITE_BYTES_MAX + 2 * SLAB_BYTES)
    expect(platform.slabs.bytesOut).toBeLessThanOrEqual(SLABS_BYTES_MAX)
    expect((await dropped()) > 0).toBe(drops)
    sink.release()
    await sending
    await until(async () => sink.kept.length + (await dropped()) >= count)
    await end()
    expect(sink.kept.length + (await dropped())).toBe(count)
    if (!drops) expect(inNumbers(sink.kept)).toEqual(upTo(count))
    expect(sink.kept.every((text) => text.length === bytes)).toBe(true)
    expect(platform.slabs.bytesOut).toBe(0)
  })

  test(`${name}: a stop waits for open writes and releases all memory`, async () => {
    const sink = new SuiteSink()
    sink.held = true
    const { send, end, stop, state, platform } = await run(sink)
    await send(numbered(0, 50))
    await until(() => sink.openTexts.length === 50)
    stop()
    for (let turn = 0; turn < 200; turn += 1) await settle()
    expect(state.isOver).toBe(false)
    sink.release()
    await end()
    expect(inNumbers(sink.kept)).toEqual(upTo(50))
    expect(platform.slabs.bytesOut).toBe(0)
  })

  test(`${name}: a source that is stopped before it runs ends at once`, async () => {
    const { end, platform } = await run(new SuiteSink(), AbortSignal.abort())
    await end()
    expect(platform.slabs.bytesOut).toBe(0)
  })

  test(`${name}: after a rejected write its messages are ${traits.afterRejection === 'again' ? 'read again' : 'counted as dropped'}`, async () => {
    const sink = new SuiteSink()
    sink.held = true
    const { send, end, dropped, platform } = await run(sink)
    await send(numbered(0, 50))
    await until(() => sink.openTexts.length === 50)
    // Rejects all open writes, since a sink that rejects one of a stream has to reject all later ones.
    for (const write of sink.open.splice(0)) write.settle(new Fault('DISK_ERROR', 'planted', { retryable: true }))
    sink.held = false
    await send(numbered(50, 100))
    const lost = traits.afterRejection === 'counted' ? 50 : 0
    await until(() => sink.kept.length >= 100 - lost)
    await end()
    expect(inNumbers(sink.kept)).toEqual(upTo(100).slice(lost))
    expect(await dropped()).toBe(lost)
    expect(platform.slabs.bytesOut).toBe(0)
  })
}
