// Time zones for times that carry none.

/** A time zone, which has an offset from UTC at each instant. */
export interface Zone {
  /** An IANA name, `local`, `UTC`, or a fixed offset such as `+02:00`. */
  readonly name: string
  /** The offset at `time` (µs since the epoch), in minutes east of UTC. */
  offsetAt(time: number): number
}

export const utc: Zone = { name: 'UTC', offsetAt: () => 0 }

// Offsets change only at quarter hours, so a result is valid for the whole quarter hour.
const QUARTER_HOUR_US = 15 * 60 * 1_000_000

function cached(name: string, ask: (time: number) => number): Zone {
  let quarter = NaN
  let offset = 0
  return {
    name,
    offsetAt(time) {
      const asked = Math.floor(time / QUARTER_HOUR_US)
      if (asked !== quarter) {
        offset = ask(asked * QUARTER_HOUR_US)
        quarter = asked
      }
      return offset
    },
  }
}

/** The zone of this machine (`TZ`, else /etc/localtime). */
export const localZone: Zone = cached('local', (time) => -new Date(time / 1000).getTimezoneOffset())

/** Returns a zone by IANA name, `local`, `UTC`, `Z` or `±HH:MM`; undefined if there is no such zone. */
export function zoneNamed(name: string): Zone | undefined {
  if (name === 'local') return localZone
  if (/^(utc|z)$/i.test(name)) return utc
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(name)
  if (fixed) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3])
    if (minutes > 18 * 60) return undefined
    const offset = fixed[1] === '-' ? -minutes : minutes
    return { name, offsetAt: () => offset }
  }
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
    })
  } catch {
    return undefined // Intl throws a RangeError for a name it does not know, and for nothing else here
  }
  return cached(name, (time) => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(time / 1000)) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = part
    return Math.round((Date.UTC(year, month - 1, day, hour, minute) - Math.floor(time / 60e6) * 60_000) / 60_000)
  })
}
