// What is kept for long keeps no more memory than it has bytes: blocks that small buffers share are kept whole by each of them.

import { expect, test } from 'vitest'
import { HEAD_BYTES, TAIL_BYTES } from '../shipper/tail/fingerprint.ts'
import { FollowedFile } from '../shipper/tail/followed-file.ts'
import type { Batch, Origin } from '../common/pipeline/batch.ts'
import { originBytes, OriginReader } from '../common/pipeline/origin-bytes.ts'
import { originOf } from './fake/batch.ts'
import { frame, offers, serve } from './listen/relp-surroundings.ts'

const memoryOf = ({ host, program }: Origin) => host.buffer.byteLength + program.buffer.byteLength

test('an origin that was read from a spool, or came from another sluice', () => {
  const bytes = originBytes(originOf({ host: Buffer.from('web-1'), program: Buffer.from('sshd'), peer: '192.0.2.7' }))
  const origin = new OriginReader().read(bytes, 0)
  expect(origin).toMatchObject({ host: Buffer.from('web-1'), program: Buffer.from('sshd'), peer: '192.0.2.7' })
  expect(memoryOf(origin)).toBeLessThanOrEqual(2 * bytes.length)
})

test('the origin of a sender', async () => {
  const origins: Origin[] = []
  const write = (batch: Batch) => {
    origins.push(...batch.runs.map(({ origin }) => origin))
    return Promise.resolve()
  }
  const { dial } = await serve({ write, streams: undefined })
  const { send } = await dial()
  await send(Buffer.concat([frame(1, 'open', offers('syslog')), frame(2, 'syslog', '<13>a')]))
  await expect.poll(() => origins.length).toBe(1)
  expect(origins[0].host.toString()).toBe(origins[0].peer)
  expect(memoryOf(origins[0])).toBeLessThan(100)
})

test('what a followed file is known by', () => {
  const stat = {
    kind: 'file',
    device: 1n,
    inode: 2n,
    links: 1,
    mode: 0o644,
    size: 0,
    modifiedMs: 0,
    changedMs: 0,
  } as const
  const from = { stream: 'f', stat, path: '/logs/a.log', position: 0 }
  const file = new FollowedFile(from, Buffer.alloc(0), Buffer.alloc(0))
  const read = Buffer.alloc(1000, 'x')
  file.advance(read.length, read, read.length, 0)
  expect(file.tail.toString()).toBe('x'.repeat(TAIL_BYTES))
  expect(file.head.bytes).toBeLessThan(HEAD_BYTES)
  expect(file.tail.buffer.byteLength).toBe(TAIL_BYTES)
})
