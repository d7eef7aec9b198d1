import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { fileDestination, linesOf, temporaryFolder, until } from './surroundings.ts'

test('a stop during compression waits until the incomplete file is removed, and keeps the plain one', async () => {
  const folder = temporaryFolder()
  let goOn: (() => void) | undefined
  const compressFrame = () => new Promise<Buffer>((resolve) => (goOn = () => resolve(Buffer.from('packed'))))
  const rotate = { daily: false, bytes: 4, compress: 'gzip' } as const
  const files = fileDestination({ path: join(folder, 'all.log'), rotate, compressFrame }, fakePlatform())
  await files.open()
  await files.write(batch([{ texts: ['12345678'] }]))
  await until(() => goOn !== undefined, 'the compression')
  const rotated = 'all.log-20261123.100000'
  expect(readdirSync(folder)).toContain(`${rotated}.gz.new`)
  const closed = files.close(1000)
  goOn!()
  await closed
  expect(readdirSync(folder)).toEqual(['all.log', rotated])
  expect(linesOf(join(folder, rotated))).toEqual(['12345678'])
})
