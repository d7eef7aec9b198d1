import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { ComponentContext } from '../../common/component.ts'
import { createMetrics } from '../../common/metric.ts'
import { utc } from '../../common/message/zone.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { systemPlatform } from '../../common/platform.ts'
import { byteInput } from '../../common/standard-input.ts'
import { StdinSource, stdinSource } from '../../shipper/source/stdin.ts'
import { fakeLog } from '../fake/log.ts'
import { MemorySink, textsOf } from '../fake/sink.ts'

function contextOf(): ComponentContext {
  return {
    ...{ name: 'in', platform: systemPlatform(fakeLog(), createMetrics()), dataFolder: '/nowhere' },
    ...{ hostName: 'web-1', messageBytesMax: 1024 * 1024, localZone: utc },
  }
}

function start(sink: Sink, signal: AbortSignal = new AbortController().signal) {
  const stream = new PassThrough()
  const given = stdinSource.options.parse({ facility: 'local0', severity: 'info', program: 'app' })
  const source = new StdinSource(given, contextOf(), () => byteInput(stream))
  return { stream, done: source.open().then(() => source.run(sink, signal)) }
}

test('every line is a message, even a last one without a newline, and the source ends with its input', async () => {
  const sink = new MemorySink()
  const { stream, done } = start(sink)
  stream.write('one\r\n\ntw')
  stream.end('o\nthree')
  await done
  expect(sink.texts).toEqual(['one', 'two', 'three'])
  const { origin } = sink.batches[0].runs[0]
  expect(origin).toMatchObject({ source: 'in', lines: 'text', priority: 16 * 8 + 6 })
  expect([origin.host.toString(), origin.program.toString()]).toEqual(['web-1', 'app'])
})

test('empty input gives no message', async () => {
  const sink = new MemorySink()
  const { stream, done } = start(sink)
  stream.end()
  await done
  expect(sink.texts).toEqual([])
})

test('a stopped source delivers the incomplete line that it has read', async () => {
  const stop = new AbortController()
  const sink = new MemorySink()
  const { stream, done } = start(sink, stop.signal)
  stream.write('whole\nhal')
  await expect.poll(() => sink.texts).toEqual(['whole'])
  stop.abort()
  await done
  expect(sink.texts).toEqual(['whole', 'hal'])
})

test('a source that is stopped before it runs reads nothing', async () => {
  const { done } = start(new MemorySink(), AbortSignal.abort())
  await done
})

test('backpressure: while the sink does not settle the writer is stopped, and nothing is lost', async () => {
  const texts: string[] = []
  const settle: (() => void)[] = []
  let open = true
  const sink: Sink = {
    write(batch) {
      texts.push(...textsOf(batch))
      return open ? new Promise((resolve) => settle.push(resolve)) : Promise.resolve()
    },
  }
  const { stream, done } = start(sink)
  const line = `${'x'.repeat(1023)}\n`
  let written = 0
  let blocked = false
  for (let turns = 0; !blocked && turns < 100_000; turns += 1) {
    written += 1
    // A pipe that stays full over several turns of the event loop is not being read.
    if (!stream.write(line)) {
      for (let turn = 0; turn < 20 && stream.writableNeedDrain; turn += 1) await new Promise((r) => setImmediate(r))
      blocked = stream.writableNeedDrain
    }
  }
  expect(blocked).toBe(true)
  expect(written * 1024).toBeLessThan(10 * 1024 * 1024)
  open = false
  for (const each of settle.splice(0)) each()
  stream.end()
  await done
  expect(texts).toHaveLength(written)
})

test('an error of the input ends the source', async () => {
  const sink = new MemorySink()
  const { stream, done } = start(sink)
  stream.write('one\n')
  await expect.poll(() => sink.texts).toEqual(['one'])
  stream.destroy(new Error('gone'))
  await done
})
