import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fileOptions, fileType } from '../../collector/file/file-type.ts'
import { systemDisk } from '../../common/disk.ts'

test('file options: the defaults are those of the handbook', () => {
  const { line: _, ...parsed } = fileOptions.parse({ path: '/var/log/all.log' })
  expect(parsed).toEqual({ path: '/var/log/all.log', mode: 0o640, dir_mode: 0o750, max_files: 10_000 })
})

test('file options: keep is a number of files or an age', () => {
  const keep = (value: unknown) => fileOptions.parse({ path: '/a', rotate: { daily: true, keep: value } }).rotate!.keep
  expect(keep('7 files')).toEqual({ count: 7 })
  expect(keep('1file')).toEqual({ count: 1 })
  expect(keep('30d')).toEqual({ ms: 30 * 86_400_000 })
})

test('check notes a number of files to keep where each day has files of its own', () => {
  const notes = (path: string, keep: string) =>
    fileType.notes!(fileOptions.parse({ path, rotate: { daily: true, keep } }))
  expect(notes('/a/{host}/{date}.log', '5 files')).toEqual([
    'rotate.keep: a number of files is counted for each name, and here each day has names of its own; give a duration',
  ])
  expect(notes('/a/{host}/{date}.log', '5d')).toEqual([])
  expect(notes('/a/{host}.log', '5 files')).toEqual([])
})

const rotate = { daily: true, size: '1GiB', keep: '30d', compress: 'zstd' }
test('file options: the example of the manual is accepted', () => {
  const path = '/var/log/remote/{host}/{program}.log'
  const parsed = fileOptions.parse({ path, line: 'iso', mode: '0640', dir_mode: '0750', rotate, max_files: 10_000 })
  expect(parsed.rotate).toEqual({ daily: true, size: 2 ** 30, keep: { ms: 30 * 86_400_000 }, compress: 'zstd' })
})

test.each([
  {},
  { path: '' },
  { path: '/a', mode: 640 },
  { path: '/a', mode: '0999' },
  { path: '/a', max_files: 0 },
  { path: '/a', line: 'isoo' },
  { path: '/a/{hots}' },
  { path: '/a/{host}/..' },
  { path: '/a', rotate: { keep: '30' } },
  { path: '/a', rotate: { keep: 30 } },
  { path: '/a', rotate: { keep: '0 files' } },
  { path: '/a', rotate: { keep: '1000001 files' } },
  { path: '/a', rotate: { keep: '5 flies' } },
  { path: '/a', rotate: { size: 5 } },
  { path: '/a', rotate: { compress: 'bzip2' } },
  { path: '/a', rotate: { keep: '30d', compress: 'gzip' } },
  { path: '/a', rotate: { daily: false } },
  { path: '/a', rotate: { dayly: true } },
  { path: '/a', owner: '' },
])('refused: %j', (given) => {
  expect(fileOptions.safeParse(given).success).toBe(false)
})

test('an owner or group that the machine does not know is found before anything starts, each with a suggestion', async () => {
  const examine = (given: object) => fileType.examine!(fileOptions.parse({ path: '/a', ...given }), systemDisk)
  expect(await examine({ owner: 'root', group: '12345' })).toEqual([])
  const [group] = readFileSync('/etc/group', 'utf8').split(':')
  expect(await examine({ owner: 'rooot', group: `${group}x` })).toEqual([
    {
      path: ['owner'],
      sentence: '/etc/passwd knows no user "rooot"; give its number if it is known elsewhere',
      suggestion: 'root',
    },
    {
      path: ['group'],
      sentence: `/etc/group knows no group "${group}x"; give its number if it is known elsewhere`,
      suggestion: group,
    },
  ])
})
