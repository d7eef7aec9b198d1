// Which files in an archive's folder are parts, by their names.

import { expect, test } from 'vitest'
import { fileNameOf, partNameOf } from '../../collector/archive/schema.ts'

test.each([
  ['2026-11-20.db', { day: '2026-11-20', part: 1 }],
  ['2026-11-20.2.db', { day: '2026-11-20', part: 2 }],
  ['2026-11-20.10.db', { day: '2026-11-20', part: 10 }],
  ['2024-02-29.db', { day: '2024-02-29', part: 1 }],
])('%s is the name of a part, and the only name of that part', (name, part) => {
  expect(partNameOf(name)).toEqual(part)
  expect(fileNameOf(part)).toBe(name)
})

test.each([
  // Names that users give to copies. If a copy counted as the same part, that part's own file would be read and removed for it.
  ...['2026-11-20.1.db', '2026-11-20.0.db', '2026-11-20.02.db', '2026-11-20..db', 'copy of 2026-11-20.db'],
  ...['2026-11-20.db-wal', '2026-11-20.db.bak', '2026-11-2.db', '2026-13-20.db', 'README'],
])('%s is not the name of a part', (name) => expect(partNameOf(name)).toBeUndefined())
