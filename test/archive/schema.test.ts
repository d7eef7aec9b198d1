// Which files of an archive's folder are parts of it.

import { expect, test } from 'vitest'
import { fileNameOf, partNameOf } from '../../collector/archive/schema.ts'

test.each([
  ['2026-11-20.db', { day: '2026-11-20', part: 1 }],
  ['2026-11-20.2.db', { day: '2026-11-20', part: 2 }],
  ['2026-11-20.10.db', { day: '2026-11-20', part: 10 }],
  ['2024-02-29.db', { day: '2024-02-29', part: 1 }],
])('%s is a part, and the file of that part', (name, part) => {
  expect(partNameOf(name)).toEqual(part)
  expect(fileNameOf(part)).toBe(name)
})

test.each([
  // Names that somebody gave to copies. A second name of a part would be opened, and removed, as the first.
  ...['2026-11-20.1.db', '2026-11-20.0.db', '2026-11-20.02.db', '2026-11-20..db', 'copy of 2026-11-20.db'],
  ...['2026-11-20.db-wal', '2026-11-20.db.bak', '2026-11-2.db', '2026-13-20.db', 'README'],
])('%s is no part', (name) => expect(partNameOf(name)).toBeUndefined())
