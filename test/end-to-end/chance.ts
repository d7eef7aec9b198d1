// Random decisions that a seed repeats.

/** At least 0, less than 1. */
export type Fraction = () => number

/** The same sequence for the same seed (mulberry32). */
export function seeded(seed: number): Fraction {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Between the two: small ones as likely as large ones, in steps of ten. */
export const scaled = (fraction: Fraction, low: number, high: number) => low * (high / low) ** fraction()

export const pick = <T>(fraction: Fraction, all: readonly T[]) => all[Math.floor(fraction() * all.length)]

/** The seed of this run, printed: `SLUICE_SEED` where it is set. */
export function printedSeed(): number {
  const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`SLUICE_SEED=${seed}`)
  return seed
}
