import { readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { batch } from '../pipeline/batches.ts'
import { fakePlatform } from '../fake/platform.ts'
import { fileDestination, linesOf, temporaryFolder } from './surroundings.ts'

for (const rotate of [{ daily: true }, { bytes: 4 }]) {
  test(`${Object.keys(rotate)[0]}: a file that a link leads to is written to, and a warning says that it is not rotated`, async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
    const [path, real] = [join(folder, 'all.log'), join(elsewhere, 'real.log')]
    writeFileSync(real, 'old\n')
    utimesSync(real, new Date('2026-11-20T12:00:00Z'), new Date('2026-11-20T12:00:00Z'))
    symlinkSync(real, path)
    const platform = fakePlatform()
    const files = fileDestination({ path, rotate: { daily: false, compress: 'none', ...rotate } }, platform)
    await files.open()
    for (const text of ['one', 'two']) await files.write(batch([{ texts: [text] }]))
    await files.close(1000)
    expect(linesOf(real)).toEqual(['old', 'one', 'two'])
    expect([readdirSync(folder), readdirSync(elsewhere)]).toEqual([['all.log'], ['real.log']])
    expect(platform.log.lines.map(({ text }) => text)).toContain('a link leads to this file: it is not rotated')
  })
}
