// The words in times: months, days of the week, zones. They are looked up by numbers, since a string would be the only
// allocation made for a message: months and weekdays by their three letters in lower case, zones by up to four capitals.

const letters = (name: string) => lettersAt(Buffer.from(name), name.length, 0)

/** The three letters at `at`, encoded as such a number; -1 if fewer than three bytes are left. */
export function lettersAt(bytes: Uint8Array, limit: number, at: number): number {
  if (at + 3 > limit) return -1
  return ((bytes[at] | 0x20) << 16) | ((bytes[at + 1] | 0x20) << 8) | (bytes[at + 2] | 0x20)
}

/** January first; as RFC 3164 §4.1.2 writes them. */
export const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Month number, 1 to 12, by its three letters. */
export const months: ReadonlyMap<number, number> = new Map(monthNames.map((name, i) => [letters(name), i + 1]))

/** Sunday first. */
export const weekdayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

export const weekdays: ReadonlySet<number> = new Set(weekdayNames.map(letters))

/** The number for a word of up to four capitals, given that of the word without its last letter; 0 for the empty word. */
export const withLetter = (word: number, letter: number): number => (word << 8) | letter

const capitals = (name: string) => Buffer.from(name).reduce(withLetter, 0)

// Ambiguous names have the meaning that North American and European devices give them.
const zones: Record<string, number> = {
  ...{ UTC: 0, GMT: 0, UCT: 0, WET: 0, WEST: 60, BST: 60, CET: 60, CEST: 120, MET: 60, MEST: 120, EET: 120, EEST: 180 },
  ...{ MSK: 180, IST: 330, SGT: 480, HKT: 480, AWST: 480, JST: 540, KST: 540, ACST: 570, AEST: 600, AEDT: 660 },
  ...{ NZST: 720, NZDT: 780, NST: -210, AST: -240, ADT: -180, EST: -300, EDT: -240, CST: -360, CDT: -300, MST: -420 },
  ...{ MDT: -360, PST: -480, PDT: -420, AKST: -540, AKDT: -480, HST: -600 },
}

/** Zones that senders name after a time, in minutes east of UTC, by the number of their name (`withLetter`). */
export const zoneOffsets: ReadonlyMap<number, number> = new Map(
  Object.entries(zones).map(([name, minutes]) => [capitals(name), minutes]),
)

/** What an offset may follow directly: `UTC+02:00`, `TZ-6`. */
export const offsetBases: ReadonlySet<number> = new Set(['TZ', 'UTC', 'GMT'].map(capitals))
