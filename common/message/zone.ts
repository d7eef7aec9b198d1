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
  const format = formatOf(name.toLowerCase())
  if (!format) return undefined
  return cached(name, (time) => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(time / 1000)) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = part
    return Math.round((Date.UTC(year, month - 1, day, hour, minute) - Math.floor(time / 60e6) * 60_000) / 60_000)
  })
}

// A sluice names the zone of each of its senders, and an `Intl.DateTimeFormat` takes 32 KiB and 0.5 ms. With one for each sender, a frame
// of 21 KB with 9,900 senders held up a server for 22 s, and took 630 MB.
const formats = new Map<string, Intl.DateTimeFormat>()
const unknown = new Set<string>()

/**
 * Unknown names that are remembered: asking for one takes 0.2 ms, and a peer may invent any number. Beyond this, only the main names of
 * zones are looked up, and names that were found before.
 */
const UNKNOWN_MAX = 1_000

/** `name` is in lower case. */
function formatOf(name: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(name)
  if (known || unknown.has(name) || (unknown.size >= UNKNOWN_MAX && !isMainName(name))) return known
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
    })
    formats.set(name, format)
    return format
  } catch {
    // Intl throws a RangeError for a name it does not know, and for nothing else here.
    unknown.add(name)
    return undefined
  }
}

let mainNames: ReadonlySet<string> | undefined

function isMainName(name: string): boolean {
  mainNames ??= new Set(Intl.supportedValuesOf('timeZone').map((each) => each.toLowerCase()))
  return mainNames.has(name)
}
