// Processes that are killed and started again, on the same configuration and the same data.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pick, scaled, type Fraction } from './chance.ts'
import { launched, type Daemon } from './program.ts'

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const WAIT_MS = { low: 20, high: 2_000 }
const DEAD_MS = { low: 10, high: 1_500 }
const STARTING_MS = { low: 10, high: 600 }

/** A mode of the program, which is started at once. Its data lies in the folder of its name in `folder`. */
export class Mortal {
  readonly #words: readonly string[]
  readonly #folder: string
  #daemon: Daemon

  constructor(mode: 'client' | 'relay' | 'server', folder: string, configuration: string) {
    const config = join(folder, `${mode}.yaml`)
    writeFileSync(config, `data: ${JSON.stringify(join(folder, mode))}\n${configuration}`)
    this.#words = [mode, '-c', config]
    this.#folder = folder
    this.#daemon = launched(this.#words, { cwd: folder })
  }

  /** Resolves when it is up. */
  up(): Promise<void> {
    return this.#daemon.up()
  }

  async die(): Promise<void> {
    await this.#daemon.stop('SIGKILL')
  }

  rise(): void {
    this.#daemon = launched(this.#words, { cwd: this.#folder })
  }

  /** Ends it in order; resolves to its exit status. */
  stop(): Promise<number | null> {
    return this.#daemon.stop()
  }
}

/** Kills so many times, one process or two at a time, also while they start; resolves when all are up again. */
export async function killAtRandom(all: readonly Mortal[], kills: number, fraction: Fraction): Promise<void> {
  let left = kills
  const kill = async (mortal: Mortal): Promise<void> => {
    left -= 1
    await mortal.die()
    if (fraction() < 0.5) await sleep(scaled(fraction, DEAD_MS.low, DEAD_MS.high))
    mortal.rise()
    if (left === 0 || fraction() < 0.8) return mortal.up()
    await sleep(scaled(fraction, STARTING_MS.low, STARTING_MS.high))
    return kill(mortal)
  }
  while (left > 0) {
    await sleep(scaled(fraction, WAIT_MS.low, WAIT_MS.high))
    const [first, second] = [pick(fraction, all), pick(fraction, all)]
    await Promise.all([kill(first), ...(left > 0 && second !== first && fraction() < 0.3 ? [kill(second)] : [])])
  }
}
