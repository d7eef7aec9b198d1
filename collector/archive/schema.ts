// The files of an archive: their names and tables.
//
//   archive/
//     2026-11-22.db       a day of receipt (UTC), sealed: no longer in WAL mode
//     2026-11-23.db       … that grew over 4 GiB
//     2026-11-23.2.db     its next part, which is written to (with -wal and -shm beside it)
//
//   meta     version of the format; the ordinal that the part's first message has in its day
//   block    one row a block: what a search looks at first. `hosts` and `programs` are the block's dictionaries (exact). `level` is how often
//            it was merged, and above the low byte the checksum of the row's numbers (`checksum.ts`).
//   data     the same rows' columns (`block-builder.ts`) and the bitmap of n-grams (`grams.ts`); of small ones the messages as they came (`raw-block.ts`)
//   marks    the highest stored position of each stream, in the transaction that stored it, and how long it is kept (µs)
//
// A message's id is its day and its ordinal in it. A block holds the ordinals [first, first + count).

/** Written to `meta`; a reader refuses what it does not know. */
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

/** The UTC day of an instant, µs since the epoch, held to the years that a name has room for. */
export function dayOf(time: number): string {
  const ms = Math.min(Math.max(Math.floor(time / 1000), 0), 253_402_300_799_999)
  return new Date(ms).toISOString().slice(0, 10)
}

/** µs since the epoch at which a day begins. */
export function dayStart(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) * 1000
}

/** µs since the epoch at which a day is over. */
export function dayEnd(day: string): number {
  return dayStart(day) + DAY_US
}

/** Whether a part is of a day that begins over a day after `now`, µs since the epoch: it was named by a clock that was ahead. */
export function isAhead({ day }: PartName, now: number): boolean {
  return dayStart(day) > now + DAY_US
}

export function fileNameOf({ day, part }: PartName): string {
  return part === 1 ? `${day}.db` : `${day}.${part}.db`
}

/**
 * The part that a file name stands for; undefined where it is no part's. Each part has one name only: of a copy that somebody named
 * `2026-11-20.1.db` nobody may take `2026-11-20.db` for the file.
 */
export function partNameOf(fileName: string): PartName | undefined {
  const [, day, part] = /^(\d{4}-\d\d-\d\d)(?:\.([2-9]|[1-9]\d{1,5}))?\.db$/.exec(fileName) ?? []
  if (day === undefined || Number.isNaN(dayStart(day))) return undefined
  return { day, part: part === undefined ? 1 : Number(part) }
}

/** Order of intake. */
export function compareParts(a: PartName, b: PartName): number {
  return a.day === b.day ? a.part - b.part : a.day < b.day ? -1 : 1
}
