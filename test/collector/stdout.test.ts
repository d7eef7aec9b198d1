import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { StdoutDestination } from '../../collector/stdout.ts'
import { systemClock } from '../../common/clock.ts'
import { lineFormat } from '../../common/message/line-format.ts'
import { batch } from '../pipeline/batches.ts'

test('stdout: lines come in call order', async () => {
  const stream = new PassThrough()
  const stdout = new StdoutDestination('out', lineFormat('raw'), stream, systemClock, () => undefined)
  await stdout.open()
  await Promise.all([stdout.write(batch([{ texts: ['a', 'b'] }])), stdout.write(batch([{ texts: ['c'] }]))])
  expect(String(stream.read())).toBe('a\nb\nc\n')
})

test('stdout: a reader that has gone ends the program once, without a word', async () => {
  let ends = 0
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  const stdout = new StdoutDestination('out', lineFormat('raw'), stream, systemClock, () => (ends += 1))
  await stdout.open()
  await expect(stdout.write(batch([{ texts: ['a'] }]))).rejects.toMatchObject({ code: 'STOPPING' })
  await expect(stdout.write(batch([{ texts: ['b'] }]))).rejects.toMatchObject({ code: 'STOPPING' })
  expect(ends).toBe(1)
})
