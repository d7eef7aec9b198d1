// Days, hours and times of receipt in the local zone: what paths and rotation go by, since no sender can choose them.

import type { Zone } from '../../common/message/zone.ts'

const MINUTE_US = 60_000_000
const DAY_US = 24 * 60 * MINUTE_US

/** `20261123` at that instant, µs since the epoch. */
export function localDay(zone: Zone, time: number): string {
  return localIso(zone, time).slice(0, 10).replaceAll('-', '')
}

/** `2026-11-23T10:00:00.123` in the zone, without its offset. */
export function localIso(zone: Zone, time: number): string {
  return new Date(Math.floor((time + zone.offsetAt(time) * MINUTE_US) / 1000)).toISOString().slice(0, 23)
}

/** When a local day (`20261123`) is over, µs since the epoch. */
export function endOfDay(zone: Zone, day: string): number {
  const start = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8))) * 1000
  const end = start + DAY_US
  // Asked twice: the first answer says where to ask, the second is right also on days when the offset changes.
  const guess = end - zone.offsetAt(end) * MINUTE_US
  return end - zone.offsetAt(guess) * MINUTE_US
}
