// docs/protocol.md describes every byte: its example is what the code writes, and its bounds are those of the code.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  RELP_ANSWER_BYTES_MAX,
  RELP_ANSWER_WAIT_MS,
  RELP_BATCH_BYTES,
  RELP_BATCH_COUNT_MAX,
  RELP_BATCH_RUNS_MAX,
  RELP_FRAME_BYTES_MAX,
  RELP_OWED_MAX,
  RELP_STREAMS_MAX,
  RELP_WINDOW_BYTES,
  RELP_WINDOW_MESSAGES,
} from '../../common/limits.ts'
import { defectBit, defectTable, type DefectCode } from '../../common/message/defects.ts'
import { utc } from '../../common/message/zone.ts'
import { offersText } from '../../common/relp/offers.ts'
import { writePositions } from '../../common/relp/stream-lines.ts'
import { unpackedBytes } from '../../common/relp/batch-reader.ts'
import { zstdDecompressInto } from '../../common/zstd.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { pack } from './packed.ts'

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
const KiB = 1024

/** The decompressed content of a frame's data. */
function contentOf(frame: Buffer): Buffer {
  const content = Buffer.alloc(unpackedBytes(frame, 0, frame.length))
  const zstdAt = frame.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])) // the magic number of a zstd frame, RFC 8878 §3.1.1
  zstdDecompressInto(frame.subarray(zstdAt), content)
  return content
}

test('the example of the page is what the code writes', () => {
  const origin = originOf({
    ...{ source: 'apps', peer: '192.0.2.7', zone: utc, lines: 'text', priority: 13 },
    ...{ host: Buffer.from('web'), program: Buffer.from('apa1') },
  })
  const given = batchOf(['first', 'second!'], origin, 1_790_000_000_000_000)
  const stream = { id: '0123456789abcdef0123456789abcdef', from: 100, to: 114, ends: Uint32Array.of(6, 14) }
  const content = contentOf(pack({ ...given, runs: [{ ...given.runs[0], stream }] }))
  const dump = /^```\n([^`]*)```$/m.exec(page)![1]
  const bytes = dump.split('\n').map((line) => /^([0-9a-f]{2} )*[0-9a-f]{2}(?= {2}|$)/.exec(line)?.[0] ?? '')
  expect(Buffer.from(bytes.join('').replaceAll(' ', ''), 'hex').toString('hex')).toBe(content.toString('hex'))
  const messages = 'first\nsecond!\n'.length
  expect(page).toContain(`the frame is ${content.length} bytes, of which ${messages} are messages`)
})

test('the page shows offers and positions as the code writes them', () => {
  for (const line of offersText(true).split('\n')) expect(page).toContain(line)
  const positions = writePositions(new Map([['9f0c1d2e3b4a59687786a5b4c3d2e1f0', 145_000]]))
  const answer = `200 OK\n${positions}`
  expect(page).toContain(`rsp ${answer.length} ${answer.replaceAll('\n', '⏎')}⏎`)
})

test('the page has the number of each defect that framing finds', () => {
  const framing = /FRAME|CHUNKED|DATAGRAM/
  const codes = (Object.keys(defectTable) as DefectCode[]).filter((code) => framing.test(code))
  expect(codes.length).toBeGreaterThan(0)
  for (const code of codes) expect(page).toContain(`${defectBit(code)} ${code}`)
})

test('the bounds of the page are those of the code', () => {
  const count = (value: number) => value.toLocaleString('en')
  for (const sentence of [
    `${RELP_FRAME_BYTES_MAX / KiB / KiB} MiB`,
    `${RELP_ANSWER_BYTES_MAX / KiB} KiB of answers`,
    `at most ${count(RELP_OWED_MAX)} answers are owed`,
    `at most ${RELP_WINDOW_MESSAGES} \`syslog\` commands, or ${RELP_WINDOW_BYTES / KiB / KiB} MiB`,
    `none for ${RELP_ANSWER_WAIT_MS / 1000} s`,
    `| messages in a frame | ${count(RELP_BATCH_COUNT_MAX)} accepted`,
    `| runs in a frame | ${count(RELP_BATCH_RUNS_MAX)} accepted`,
    `closed at ${RELP_BATCH_BYTES / KiB} KiB of messages`,
    `At most ${count(RELP_STREAMS_MAX)} streams in a frame`,
  ]) {
    expect(page).toContain(sentence)
  }
})
