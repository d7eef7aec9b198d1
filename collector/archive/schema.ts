// The files of an archive: their names and tables.
//
//   archive/
//     2026-11-22.db       a day of receipt (UTC), sealed: no longer in WAL mode
//     2026-11-23.db       a day that grew over 4 GiB, sealed
//     2026-11-23.2.db     its next part, which is being written (with -wal and -shm beside it)
//
//   meta     version of the format (`version`), ordinal of the part's first message within its day (`first`), the process that
//            wrote last (`instance`) and the id of its last stored write (`settled`)
//   block    one row per block with its summary, which a search looks at first. `hosts` and `programs` are the block's exact
//            dictionaries. `level` is how often the block was merged, and above its low byte the checksum of the row's numbers
//            (`checksum.ts`).
//   data     one row per block with its columns (`columns.ts`) and its bitmap of n-grams (`grams.ts`); for the block of a small
//            commit the messages as they came (`raw-block.ts`)
//   marks    the highest stored position of each stream, and when the mark expires (`until`, µs since the epoch). A mark is
//            written in the transaction that stores the messages.
//
// A message's id is its day and its ordinal within it. A block holds the ordinals [first, first + count).

/** Stored in `meta`; a part with any other version is refused. */
export const FORMAT_VERSION = 1

export const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE block (
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    level INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    time_min INTEGER NOT NULL,
    time_max INTEGER NOT NULL,
    received_min INTEGER NOT NULL,
    received_max INTEGER NOT NULL,
    severities INTEGER NOT NULL,
    facilities INTEGER NOT NULL,
    hosts BLOB NOT NULL,
    programs BLOB NOT NULL
  );
  CREATE TABLE data (first INTEGER PRIMARY KEY, grams BLOB NOT NULL, fields BLOB NOT NULL, texts BLOB NOT NULL);
  CREATE TABLE marks (stream TEXT PRIMARY KEY, position INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
`

export interface PartName {
  /** `2026-11-23`, UTC. */
  readonly day: string
  /** From 1. */
  readonly part: number
}

const DAY_US = 86_400_000_000

/** The UTC day of a time in µs since the epoch, clamped to the years 1970 to 9999. */
export function dayOf(time: number): string {
  const ms = Math.min(Math.max(Math.floor(time / 1000), 0), 253_402_300_799_999)
  return new Date(ms).toISOString().slice(0, 10)
}

/** When a day begins, µs since the epoch. */
export function dayStart(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) * 1000
}

/** When a day ends, µs since the epoch. */
export function dayEnd(day: string): number {
  return dayStart(day) + DAY_US
}

/** Whether a part's day begins more than a day after `now` (µs since the epoch): then the clock was ahead when it was created. */
export function isAhead({ day }: PartName, now: number): boolean {
  return dayStart(day) > now + DAY_US
}

export function fileNameOf({ day, part }: PartName): string {
  return part === 1 ? `${day}.db` : `${day}.${part}.db`
}

/**
 * Parses the file name of a part; undefined if it is not one. Only the name that `fileNameOf` gives is accepted, so that a copy named
 * `2026-11-20.1.db` is not mistaken for the part in `2026-11-20.db`.
 */
export function partNameOf(fileName: string): PartName | undefined {
  const [, day, part] = /^(\d{4}-\d\d-\d\d)(?:\.([2-9]|[1-9]\d{1,5}))?\.db$/.exec(fileName) ?? []
  if (day === undefined || Number.isNaN(dayStart(day))) return undefined
  return { day, part: part === undefined ? 1 : Number(part) }
}

/** Compares two parts by the order in which they were written. */
export function compareParts(a: PartName, b: PartName): number {
  return a.day === b.day ? a.part - b.part : a.day < b.day ? -1 : 1
}
