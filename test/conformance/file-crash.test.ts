import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileType } from '../../collector/file/file-type.ts'
import { linesOfFiles } from './outputs.ts'
import { survivesCrashes } from './crash.ts'
import { contextOf, suitePlatform } from './surroundings.ts'

for (const [what, given] of [
  ['one file', { path: 'all.log' }],
  ['a file for each program, rotated', { path: '{program}.log', rotate: { size: '1KiB' }, max_files: 1 }],
] as const) {
  survivesCrashes(`file destination, ${what}`, {
    make(folder, disk, clock) {
      mkdirSync(join(folder, 'out'), { recursive: true })
      const path = join(folder, 'out', given.path)
      // Lines are padded so that files reach the 1 KiB at which they are rotated.
      const line = `{message}${' '.repeat(250)}`
      const options = fileType.options.parse({ ...given, path, line })
      return fileType.create(options, contextOf('files', { ...suitePlatform(), disk, clock }, join(folder, 'data')))
    },
    stored: (folder) => linesOfFiles(join(folder, 'out')).map((lines) => lines.map((line) => line.trim())),
  })
}
