// Names of rotated files, in the style of logrotate's `dateext`: the suffix is the local day of the lines in the file. A file that
// was rotated before the end of its day also has the time, so that names sort in the order of their lines.
//
//   app.log-20261122.093015.zst    app.log-20261122.174459.zst.new (being compressed)    app.log-20261122 (rest of the day)

export interface RotatedName {
  /** The name before the rotation: `app.log`. */
  readonly base: string
  /** `YYYYMMDD`. */
  readonly day: string
  /** HHMMSS as a number; `DAY_OVER` for the rest of a day; higher for files that were rotated after a clock was set back. */
  readonly ordinal: number
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** Whether it is an incomplete compressed file: one being written, or left by a crash. */
  readonly temporary: boolean
}

export const compressionSuffixes = { none: '', gzip: '.gz', zstd: '.zst' } as const

/** The ordinal of a file that was rotated at the end of its day. */
export const DAY_OVER = 240_000

/** The rotated name of `base`. */
export function rotatedName(base: string, day: string, ordinal: number): string {
  return ordinal === DAY_OVER ? `${base}-${day}` : `${base}-${day}.${String(ordinal).padStart(6, '0')}`
}

/** Parses the name of a rotated file; undefined for other names. */
export function parseRotatedName(name: string): RotatedName | undefined {
  const match = /^(.+)-(\d{8})(?:\.(\d{6}))?(\.gz|\.zst)?(\.new)?$/.exec(name)
  if (!match) return undefined
  const [, base, day, ordinal, suffix, temporary] = match
  const compression = suffix === '.gz' ? 'gzip' : suffix === '.zst' ? 'zstd' : 'none'
  return { base, day, ordinal: Number(ordinal ?? DAY_OVER), compression, temporary: temporary !== undefined }
}

/** Sorts later files first. */
export function laterFirst(a: RotatedName, b: RotatedName): number {
  return a.day === b.day ? b.ordinal - a.ordinal : a.day < b.day ? 1 : -1
}
