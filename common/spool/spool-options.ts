// What a spool is told.

export interface SpoolOptions {
  /** Bytes of all its files. */
  readonly bytesMax: number
  readonly whenFull: 'block' | 'drop-oldest'
  /**
   * `fsync`: a write settles when it is on the disk, and survives a power cut. `os`: when the system has it; a crash of
   * sluice loses nothing, a power cut what the system had not written yet (30 s on Linux, unless set otherwise).
   */
  readonly durability: 'fsync' | 'os'
  /** It does not write while its file system has fewer bytes than this. */
  readonly freeBytesMin: number
}
