// Processes that are killed and restarted with the same configuration and data.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pick, scaled, type Fraction } from './chance.ts'
import { launched, type Daemon } from './program.ts'

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const WAIT_MS = { low: 20, high: 2_000 }
const DEAD_MS = { low: 10, high: 1_500 }
const STARTING_MS = { low: 10, high: 600 }

/** A daemon of one mode, started by the constructor. Its data folder is `folder`/`mode`. */
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

  /** Resolves when the daemon is up. */
  up(): Promise<void> {
    return this.#daemon.up()
  }

  /** Kills it with SIGKILL; resolves when it has ended. */
  async kill(): Promise<void> {
    await this.#daemon.stop('SIGKILL')
  }

  /** Starts it again, and does not wait for it. */
  restart(): void {
    this.#daemon = launched(this.#words, { cwd: this.#folder })
  }

  /** Stops it with SIGTERM; resolves to its exit status. */
  stop(): Promise<number | null> {
    return this.#daemon.stop()
  }
}

/** Kills processes at random, one or two at a time, some while they start. Resolves after `kills` kills, when all are up again. */
export async function killAtRandom(all: readonly Mortal[], kills: number, fraction: Fraction): Promise<void> {
  let left = kills
  const kill = async (mortal: Mortal): Promise<void> => {
    left -= 1
    await mortal.kill()
    if (fraction() < 0.5) await sleep(scaled(fraction, DEAD_MS.low, DEAD_MS.high))
    mortal.restart()
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
