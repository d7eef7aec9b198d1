// Names of rotated files, as logrotate's `dateext` gives them: the day whose lines are in the file, in the local zone. A
// file that was rotated before its day was over has the time besides, so that names sort as their lines do.
//
//   app.log-20261122.093015.zst    app.log-20261122.174459.zst.new (being compressed)    app.log-20261122 (the rest)

export interface RotatedName {
  /** The name it had: `app.log`. */
  readonly base: string
  /** `YYYYMMDD`. */
  readonly day: string
  /** Hour, minute and second as one number; `DAY_OVER` for the rest of the day, more for what came after a clock was set back. */
  readonly ordinal: number
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** Being compressed, or left by a crash. */
  readonly temporary: boolean
}

export const compressionSuffixes = { none: '', gzip: '.gz', zstd: '.zst' } as const

/** The ordinal of what was rotated when its day was over. */
export const DAY_OVER = 240_000

/** The rotated name of `base`. */
export function rotatedName(base: string, day: string, ordinal: number): string {
  return ordinal === DAY_OVER ? `${base}-${day}` : `${base}-${day}.${String(ordinal).padStart(6, '0')}`
}

/** What a name says, if it is one of a rotated file. */
export function parseRotatedName(name: string): RotatedName | undefined {
  const match = /^(.+)-(\d{8})(?:\.(\d{6}))?(\.gz|\.zst)?(\.new)?$/.exec(name)
  if (!match) return undefined
  const [, base, day, ordinal, suffix, temporary] = match
  const compression = suffix === '.gz' ? 'gzip' : suffix === '.zst' ? 'zstd' : 'none'
  return { base, day, ordinal: Number(ordinal ?? DAY_OVER), compression, temporary: temporary !== undefined }
}

/** The later file first. */
export function laterFirst(a: RotatedName, b: RotatedName): number {
  return a.day === b.day ? b.ordinal - a.ordinal : a.day < b.day ? 1 : -1
}
