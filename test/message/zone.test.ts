import { afterEach, beforeEach, expect, test } from 'vitest'
import { zoneNamed } from '../../common/message/zone.ts'

const { DateTimeFormat } = Intl
let made: number

beforeEach(() => {
  made = 0
  const Counted = class extends DateTimeFormat {
    constructor(locale?: string, options?: Intl.DateTimeFormatOptions) {
      made += 1 // also if the name is unknown
      super(locale, options)
    }
  }
  Object.assign(Intl, { DateTimeFormat: Counted })
})

afterEach(() => void Object.assign(Intl, { DateTimeFormat }))

test('the zones of thousands of senders share the formatter of their name', () => {
  for (let i = 0; i < 5_000; i += 1) expect(zoneNamed(i % 2 === 0 ? 'Asia/Tokyo' : 'ASIA/tokyo')?.offsetAt(0)).toBe(540)
  expect(made).toBe(1)
})

test('names of zones that a peer invents are not looked up without end, and others are still found', () => {
  for (let i = 0; i < 5_000; i += 1) expect(zoneNamed(`Nowhere/City${i}`)).toBeUndefined()
  expect(made).toBeLessThanOrEqual(1_000)
  expect(zoneNamed('America/New_York')?.offsetAt(0)).toBe(-300)
})
