import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { headOf, TAIL_BYTES } from '../../shipper/tail/fingerprint.ts'
import { RemainderFinder } from '../../shipper/tail/remainder-finder.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { temporaryFolder } from '../end-to-end/program.ts'

const linesOf = (name: string, count: number) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${name}: line ${i} of ${count}\n`).join(''))

test('of compressed generations that begin otherwise, no more than the beginning is decompressed', async () => {
  const folder = temporaryFolder()
  let written = 0
  const disk: Disk = {
    ...systemDisk,
    async open(...asked) {
      const file = await systemDisk.open(...asked)
      const write = file.write.bind(file)
      return Object.assign(file, {
        write(...given: Parameters<typeof write>) {
          written += given[2]
          return write(...given)
        },
      })
    },
  }
  const wanted = linesOf('wanted', 5_000)
  for (let i = 1; i <= 5; i += 1)
    writeFileSync(join(folder, `app.log.${i}.gz`), gzipSync(linesOf(`other ${i}`, 50_000)))
  writeFileSync(join(folder, 'app.log.6.gz'), gzipSync(wanted))
  const position = 2_000
  const fingerprint = { head: headOf(wanted), tail: wanted.subarray(position - TAIL_BYTES, position), position }
  const finder = new RemainderFinder(disk, folder, () => false)
  const found = await finder.find([join(folder, 'app.log')], fingerprint, '0:0', 'a1')
  expect(found).toMatchObject({ path: join(folder, 'app.log.6.gz'), stat: { size: wanted.length } })
  await found?.file.close()
  expect(written - wanted.length).toBeLessThan(5 * 65_536)
})
