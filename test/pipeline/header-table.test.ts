import { expect, test } from 'vitest'
import { giveBackHeaderTable, newHeaderTable, ROW, takeHeaderTable } from '../../common/pipeline/header-table.ts'

test.each([0, 1, 15, 16, 17, 255, 256, 257, 16_384, 16_385, 100_000])(
  'a table for %i messages has room for them',
  (count) => {
    const { cells, times, zones, ...table } = takeHeaderTable(count)
    expect(table.count).toBe(count)
    expect(cells.length).toBeGreaterThanOrEqual(count * ROW)
    expect([times.length, zones.length]).toEqual([cells.length / ROW, cells.length / ROW])
    expect(times.length).toBeLessThan(Math.max(2 * count, 17))
  },
)

test('a table that was given back is taken for the next batch of about its size, and for no larger one', () => {
  const table = takeHeaderTable(20)
  giveBackHeaderTable(table)
  expect(takeHeaderTable(100)).not.toBe(table)
  expect(takeHeaderTable(32)).toBe(table)
  expect(table.count).toBe(32)
})

test('a table of any other size, and one for a huge batch, is not kept', () => {
  for (const table of [newHeaderTable(20), newHeaderTable(0), takeHeaderTable(16_385)]) {
    giveBackHeaderTable(table)
    expect(takeHeaderTable(table.times.length)).not.toBe(table)
  }
})
