import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { LOG_WAITING_BYTES_MAX } from '../common/limits.ts'
import { logOutput } from '../common/log.ts'

/** A stream that takes one write at a time, and the next when it is told to go on. */
class Slow extends Writable {
  readonly taken: string[] = []
  #goOn: (() => void) | undefined

  constructor() {
    super({ decodeStrings: false })
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.taken.push(chunk)
    this.#goOn = done
  }

  async readAll(): Promise<void> {
    for (let before = -1; before < this.taken.length;) {
      before = this.taken.length
      this.#goOn?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

test('a log that nobody reads keeps a bounded number of lines, and says later how many are missing', async () => {
  const stream = new Slow()
  const output = logOutput(stream)
  const line = `${'x'.repeat(1023)}\n`
  const kept = LOG_WAITING_BYTES_MAX / line.length + 1
  for (let i = 0; i < kept + 5; i++) output.write(line)
  expect(stream.writableLength).toBe(kept * line.length)
  await stream.readAll()
  expect(stream.taken).toHaveLength(kept)
  output.write('next\n')
  await stream.readAll()
  expect(JSON.parse(stream.taken[kept])).toMatchObject({ level: 40, lines: 5 })
  expect(stream.taken.slice(kept + 1)).toEqual(['next\n'])
})

test('a log that is read is as it was written, each line in the style of a terminal where it is one', async () => {
  const stream = new Slow()
  const output = logOutput(stream, (line) => `- ${line}`)
  output.write('one\n')
  output.write('two\n')
  await stream.readAll()
  expect(stream.taken).toEqual(['- one\n', '- two\n'])
})
