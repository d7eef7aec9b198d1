// Random decisions that can be repeated with a seed.

/** Returns a random number in [0, 1). */
export type Fraction = () => number

/** A generator that returns the same sequence for the same seed (mulberry32). */
export function seeded(seed: number): Fraction {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A random number from `low` to `high`, distributed evenly on a logarithmic scale. */
export const scaled = (fraction: Fraction, low: number, high: number) => low * (high / low) ** fraction()

export const pick = <T>(fraction: Fraction, all: readonly T[]) => all[Math.floor(fraction() * all.length)]

/** Returns and prints the seed of this run: `SLUICE_SEED` if it is set, else a random one. */
export function printedSeed(): number {
  const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`SLUICE_SEED=${seed}`)
  return seed
}
