import { expect, test, vi } from 'vitest'
import { zoneNamed } from '../../common/message/zone.ts'

test('the zones of thousands of senders share the formatter of their name', () => {
  const made = vi.spyOn(Intl, 'DateTimeFormat')
  for (let i = 0; i < 5_000; i += 1) expect(zoneNamed(i % 2 === 0 ? 'Asia/Tokyo' : 'ASIA/tokyo')?.offsetAt(0)).toBe(540)
  expect(made).toHaveBeenCalledTimes(1)
})

test('names of zones that a peer invents are not looked up without end, and others are still found', () => {
  const made = vi.spyOn(Intl, 'DateTimeFormat')
  for (let i = 0; i < 5_000; i += 1) expect(zoneNamed(`Nowhere/City${i}`)).toBeUndefined()
  expect(made.mock.calls.length).toBeLessThanOrEqual(1_000)
  expect(zoneNamed('America/New_York')?.offsetAt(0)).toBe(-300)
})
