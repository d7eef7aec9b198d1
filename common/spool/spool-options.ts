// The settings of a spool, from the option `buffer:`.

export interface SpoolOptions {
  /** Maximum size of all segments together. */
  readonly bytesMax: number
  readonly whenFull: 'block' | 'drop-oldest'
  /**
   * `fsync`: a write settles when it is on disk, and survives a power cut. `os`: a write settles when the system has it. Then a
   * crash of sluice loses nothing, and a power cut loses what the system had not written yet (30 s on Linux by default).
   */
  readonly durability: 'fsync' | 'os'
  /** The spool does not write while its file system has less free space than this. */
  readonly freeBytesMin: number
}
