import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { StdoutDestination } from '../../collector/stdout.ts'
import { nextTurn, systemClock } from '../../common/clock.ts'
import type { Fault } from '../../common/fault.ts'
import { lineFormat } from '../../common/message/line-format.ts'
import { createMetrics } from '../../common/metric.ts'
import { batch } from '../pipeline/batches.ts'

const surroundings = () => ({ clock: systemClock, metrics: createMetrics() })

test('stdout: lines come in call order', async () => {
  const stream = new PassThrough()
  const stdout = new StdoutDestination('out', lineFormat('raw'), stream, surroundings(), () => undefined)
  await stdout.open()
  await Promise.all([stdout.write(batch([{ texts: ['a', 'b'] }])), stdout.write(batch([{ texts: ['c'] }]))])
  expect(String(stream.read())).toBe('a\nb\nc\n')
})

test('stdout: a reader that has gone ends the program once, without a word', async () => {
  let ends = 0
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  const stdout = new StdoutDestination('out', lineFormat('raw'), stream, surroundings(), () => (ends += 1))
  await stdout.open()
  await expect(stdout.write(batch([{ texts: ['a'] }]))).rejects.toMatchObject({ code: 'STOPPING' })
  await expect(stdout.write(batch([{ texts: ['b'] }]))).rejects.toMatchObject({ code: 'STOPPING' })
  expect(ends).toBe(1)
})

test('stdout: a full disk ends the program with the reason', async () => {
  const ends: (Fault | undefined)[] = []
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })),
  })
  const stdout = new StdoutDestination('out', lineFormat('raw'), stream, surroundings(), (fault) => ends.push(fault))
  await stdout.open()
  await expect(stdout.write(batch([{ texts: ['a'] }]))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  expect(ends).toMatchObject([{ detail: 'standard output: ENOSPC: no space left' }])
})

test('stdout: what comes again of a stream is not printed again, and settles after what is still being printed', async () => {
  const printed: string[] = []
  const open: (() => void)[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      printed.push(String(chunk))
      open.push(done)
    },
  })
  const stdout = new StdoutDestination('out', lineFormat('raw'), stream, surroundings(), () => undefined)
  await stdout.open()
  const given = batch([{ texts: ['a', 'b'], from: 0 }])
  const settled: string[] = []
  void stdout.write(given).then(() => settled.push('first'))
  void stdout.write(given).then(() => settled.push('again'))
  await nextTurn(systemClock)
  expect(settled).toEqual([])
  while (open.length > 0) {
    open.shift()!()
    await nextTurn(systemClock)
  }
  expect(settled).toEqual(['first', 'again'])
  expect(printed.join('')).toBe('a\nb\n')
})
