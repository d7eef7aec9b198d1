// Memory of a RELP receiver stays within its bounds, whatever a peer sends, asks or does not read.

import { expect, onTestFinished, test } from 'vitest'
import { SLAB_BYTES, SLABS_BYTES_MAX } from '../../common/limits.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { standstill } from '../fake/clock.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { pack } from '../relp/packed.ts'
import { ALL, frame, ID, offers, opened, serve } from './relp-surroundings.ts'

/** Whether this number stays what it is. */
async function stands(count: () => number): Promise<boolean> {
  const before = count()
  await standstill()
  return count() === before
}

test('while no write settles, a bounded amount is received; afterwards all messages arrive', async () => {
  const sink = new HeldSink()
  const { send, got } = await opened(sink)
  const message = `<13>${'x'.repeat(996)}`
  const frames = 20_000
  let written = 0
  const writing = (async () => {
    for (let txnr = 2; txnr < frames + 2; txnr += 100) {
      const many = Array.from({ length: 100 }, (_, i) => `${txnr + i} syslog ${message.length} ${message}\n`)
      await send(many.join(''))
      written += 100
    }
  })()
  const open = () => sink.held.reduce((sum, { texts }) => sum + texts.length, 0)
  await expect.poll(open).toBeGreaterThan(8000)
  await expect.poll(() => stands(() => written)).toBe(true)
  expect(written).toBeLessThan(10_000)
  let kept = 0
  const settling = setInterval(() => {
    while (sink.held.length > 0) {
      kept += sink.held[0].texts.length
      sink.settle()
    }
  }, 1)
  onTestFinished(() => clearInterval(settling))
  await writing
  await expect.poll(() => kept).toBe(frames)
  await expect.poll(() => got.text.endsWith(`${frames + 1} rsp 6 200 OK\n`)).toBe(true)
  expect(got.text.split('\n')).toHaveLength(frames + 1)
})

test('open batches of one line each, from many senders, do not occupy a slab each', async () => {
  const sink = new HeldSink()
  const { platform, dial } = await serve(sink)
  const senders = SLABS_BYTES_MAX / SLAB_BYTES + 44
  for (let i = 0; i < senders; i += 1) {
    const { send } = await dial()
    await send(frame(1, 'open', offers(ALL)))
    await send(frame(2, 'batch', pack(batchOf([`line of ${i}`], originOf(), 1))))
  }
  await expect.poll(() => sink.held.length).toBe(senders)
  expect(platform.slabs.bytesOut).toBeLessThanOrEqual(2 * SLAB_BYTES)
  expect(sink.held.flatMap(({ texts }) => texts)).toEqual(Array.from({ length: senders }, (_, i) => `line of ${i}`))
  while (sink.held.length > 0) sink.settle()
})

test('batches that decompress to 16 MiB each (a zip bomb) are decompressed one by one, within the bound of all slabs', async () => {
  const sink = new HeldSink()
  const { send, platform } = await opened(sink, ALL)
  const bomb = pack(batchOf([Buffer.alloc(16 * 1024 * 1024, 0x61)], originOf(), 1))
  expect(bomb.length).toBeLessThan(16 * 1024)
  await send(Buffer.concat(Array.from({ length: 20 }, (_, i) => frame(i + 2, 'batch', bomb))))
  let most = 0
  for (let kept = 0; kept < 20; kept += 1) {
    await expect.poll(() => sink.held.length).toBeGreaterThan(0)
    most = Math.max(most, platform.slabs.bytesOut)
    sink.settle()
  }
  expect(most).toBeLessThan(65 * 1024 * 1024)
})

test.each([
  ['messages without a byte', () => pack(batchOf(Array<string>(100_000).fill(''), originOf(), 1))],
  [
    'runs of one byte, each of a stream',
    () => {
      const batch = batchOf(Array<string>(16_000).fill('x'), originOf(), 1)
      const ends = new Uint32Array([1])
      const [{ origin }] = batch.runs
      const run = (_: string, i: number) => ({
        ...{ count: 1, origin, stream: { id: ID, from: i, to: i + 1, ends } },
      })
      return pack({ ...batch, runs: Array<string>(batch.count).fill('').map(run) })
    },
  ],
])('small frames that decompress to many %s are bounded by the memory that they need', async (_, packed) => {
  const sink = new HeldSink()
  const { send } = await opened(sink, ALL)
  const data = packed()
  expect(data.length).toBeLessThan(32 * 1024)
  for (let txnr = 2; txnr < 42; txnr += 1) void send(frame(txnr, 'batch', data)).catch(() => {})
  await expect.poll(() => sink.held.length).toBeGreaterThan(0)
  await expect.poll(() => stands(() => sink.held.length)).toBe(true)
  expect(sink.held.length).toBeLessThan(5)
})

/** Sends unknown commands, each of which must be answered, until the receiver does not read any more. */
async function flood(send: (text: string) => Promise<void>) {
  const state = { written: 0 }
  const writing = (async () => {
    for (; state.written < 500; state.written += 1) await send('5 hello 0\n'.repeat(1000))
  })()
  await expect.poll(() => stands(() => state.written)).toBe(true)
  return { state, writing }
}

test('a peer that does not read its answers is not read any more', async () => {
  const { connection, send } = await opened(new MemorySink())
  connection.pause()
  const { state, writing } = await flood(send)
  expect(state.written).toBeLessThan(400)
  connection.resume()
  await writing
})

test('a peer that keeps sending commands while it is owed an answer is not read until it is answered', async () => {
  const sink = new HeldSink()
  const { got, send } = await opened(sink)
  await send('2 syslog 1 x\n')
  await expect.poll(() => sink.held.length).toBe(1)
  const { state, writing } = await flood(send)
  expect(state.written).toBeLessThan(100)
  expect(got.text).toBe('')
  sink.settle()
  await writing
  await expect.poll(() => got.text.split('\n').length).toBe(500_002)
})

test('a peer that does not read its answers is not read after a brake either', async () => {
  const sink = new HeldSink()
  const { connection, send, dial } = await opened(sink)
  connection.pause()
  const { state } = await flood(send)
  const { written } = state
  const other = await dial()
  await other.send(frame(1, 'open', offers('syslog')))
  const message = `<13>${'x'.repeat(100_000)}`
  const sending = other.send(
    Array.from({ length: 200 }, (_, i) => `${i + 2} syslog ${message.length} ${message}\n`).join(''),
  )
  let kept = 0
  const settling = setInterval(() => {
    for (; sink.held.length > 0; sink.settle()) kept += sink.held[0].texts.length
  }, 20)
  onTestFinished(() => clearInterval(settling))
  await sending
  await expect.poll(() => kept).toBe(200)
  await standstill()
  expect(state.written).toBe(written)
})
