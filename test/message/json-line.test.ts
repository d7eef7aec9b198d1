import { expect, test } from 'vitest'
import { lineFormat, writeLines, type LineFormatName } from '../../common/message/line-format.ts'
import { messageJson } from '../../common/message/message-object.ts'
import { Output } from '../../common/message/output.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { RECEIVED } from './fields.ts'

function written(name: LineFormatName, batch: Batch): string {
  const output = new Output(Buffer.alloc(16))
  writeLines(lineFormat(name), batch, output)
  return output.written.toString()
}

test('json: every byte below 0x80 is escaped as JSON.stringify escapes it, at any place of a text', () => {
  const texts = Array.from({ length: 128 }, (_, byte) => String.fromCharCode(byte))
    .flatMap((char) => ['', '1', '1234567', '123456789', '1'.repeat(40)].map((before) => `${before}${char}é12345678`))
    .filter((text) => !text.includes('\n'))
  const batch = batchOf(
    texts.map((text) => `<13>1 2026-11-20T10:00:00Z h a p m - ${text}`),
    originOf(),
    RECEIVED,
  )
  const lines = written('json', batch).split('\n')
  texts.forEach((text, i) => expect(lines[i]).toContain(`"message":${JSON.stringify(text)},`))
})

test('json: origins that take turns in a batch keep their own host, program, peer and source', () => {
  const first = originOf({ peer: '192.0.2.1', source: 'a"b', lines: 'text', program: Buffer.from('x\\y') })
  const second = originOf({ source: 'other', host: Buffer.alloc(0) })
  const base = batchOf(['one', 'two', '<13>three', 'four'], first, RECEIVED)
  const runs = [first, second, first, second].map((origin, i) => ({ count: 1, origin, received: RECEIVED + i }))
  const batch = { ...base, runs }
  expect(written('json', batch)).toBe(runs.map((run, i) => `${messageJson(batch, i, run)}\n`).join(''))
})
