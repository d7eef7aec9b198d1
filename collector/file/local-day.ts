// Days and hours of the time of receipt in the local zone. Paths and rotation use these, since senders cannot choose them.

import type { Zone } from '../../common/message/zone.ts'

const MINUTE_US = 60_000_000
const DAY_US = 24 * 60 * MINUTE_US

/** The day of a time (µs since the epoch) in the zone: `20261123`. */
export function localDay(zone: Zone, time: number): string {
  return localIso(zone, time).slice(0, 10).replaceAll('-', '')
}

/** A time (µs since the epoch) in the zone, without the offset: `2026-11-23T10:00:00.123`. */
export function localIso(zone: Zone, time: number): string {
  return new Date(Math.floor((time + zone.offsetAt(time) * MINUTE_US) / 1000)).toISOString().slice(0, 23)
}

/** The end of a local day (`20261123`), µs since the epoch. */
export function endOfDay(zone: Zone, day: string): number {
  const start = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8))) * 1000
  const end = start + DAY_US
  // The first offset gives an estimate of the end, the second is the offset at that time: correct also on days when it changes.
  const guess = end - zone.offsetAt(end) * MINUTE_US
  return end - zone.offsetAt(guess) * MINUTE_US
}
