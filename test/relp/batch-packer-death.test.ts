import { expect, test, vi } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { RELP_PACKING_MAX } from '../../common/limits.ts'
import { BatchPacker } from '../../common/relp/batch-packer.ts'
import type { WorkerOptions } from '../../common/worker.ts'
import { zstdDecompress } from '../../common/zstd.ts'

const threads: { die: () => void; readonly posted: unknown[] }[] = []

vi.mock('../../common/worker.ts', () => ({
  WorkerThread: class {
    readonly posted: unknown[] = []
    readonly die: () => void

    constructor({ onDeath }: WorkerOptions<unknown>) {
      this.die = () => onDeath(new Fault('WORKER_DIED', 'it exited with 1'))
      threads.push(this)
    }

    post(message: unknown): void {
      this.posted.push(message)
    }
  },
}))

test('when the thread dies, its frames are not delivered, and later ones are compressed in the calling thread', () => {
  const faults: Fault[] = []
  const packer = new BatchPacker((fault) => faults.push(fault), true)
  const delivered: string[] = []
  const pack = (text: string) => {
    const content = packer.content()
    content.text(text)
    packer.pack(content, (zstd) => delivered.push(zstdDecompress(zstd).toString()))
  }
  const large = 'a'.repeat(200_000)
  for (let i = 0; i < RELP_PACKING_MAX; i += 1) pack(large)
  expect([threads.length, threads[0].posted.length, packer.hasRoom]).toEqual([1, RELP_PACKING_MAX, false])
  threads[0].die()
  expect(faults.map(({ code }) => code)).toEqual(['WORKER_DIED'])
  expect(packer.hasRoom).toBe(true)
  pack(large)
  expect([delivered, threads.length]).toEqual([[large], 1])
})
