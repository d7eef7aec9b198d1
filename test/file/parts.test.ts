import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Disk } from '../../common/disk.ts'
import { FILE_PART_BYTES } from '../../common/limits.ts'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { failingDisk, fileDestination, linesOf, temporaryFolder } from './surroundings.ts'

test('what waits while the disk stands still is written in pieces, and rotated at its size', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  let move = (): void => undefined
  const moving = new Promise<void>((resolve) => (move = resolve))
  const lengths: number[] = []
  const disk = failingDisk(() => undefined)
  const slow: Disk = {
    ...disk,
    async open(...args) {
      const file = await disk.open(...args)
      return {
        ...file,
        write: async (from, offset, length, position) => {
          await moving
          lengths.push(length)
          return file.write(from, offset, length, position)
        },
      }
    },
  }
  const rotate = { bytes: 3 * FILE_PART_BYTES, daily: false, compress: 'none' } as const
  const files = fileDestination({ path, rotate }, fakePlatform(slow))
  await files.open()
  const line = (i: number) => `${1000 + i} ${'x'.repeat(FILE_PART_BYTES / 8)}`
  const lines = Array.from({ length: 40 }, (_, i) => line(i))
  const writes = lines.map((text) => files.write(batch([{ texts: [text] }])))
  move()
  await Promise.all(writes)
  const [newest, ...rotated] = readdirSync(folder).sort()
  expect(rotated.map((name) => linesOf(join(folder, name)))).toEqual([lines.slice(0, 24)])
  expect(linesOf(join(folder, newest))).toEqual(lines.slice(24))
  expect(Math.max(...lengths)).toBeLessThan(FILE_PART_BYTES + line(0).length + 2)
  await files.close(1000)
})
