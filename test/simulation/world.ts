// A simulated world: a client that follows a log, one or two servers that store it, perhaps a relay, a network between them
// (`topology.ts`), and random faults, all from one seed. After the faults have ended, every line has to be stored exactly once
// and in order.

import type { Disk } from '../../common/disk.ts'
import type { Configuration } from '../../config/configuration.ts'
import { Dice } from './dice.ts'
import { Machine } from './machine.ts'
import { SimulatedNet } from './network.ts'
import { Positions } from './positions.ts'
import { STORE } from './store.ts'
import { Timeline } from './timeline.ts'
import { OUT, topologyOf, type Breakage } from './topology.ts'
import { idOf, Writer } from './writer.ts'

/** The faults of a run. */
export interface Faults {
  /** Minimum and maximum number of faults, and the time in which they occur. */
  readonly least: number
  readonly most: number
  readonly ms: number
  /** The kinds to choose from; one that is listed more than once is chosen more often. */
  readonly kinds: readonly Kind[]
  /** Share of the faults that are the client's in any case; all others affect a random machine. */
  readonly clientShare?: number
  /** While a disk has errors, this share of its calls fails; one of these is chosen each time. */
  readonly errorShares: readonly number[]
  /** Share of the log's rotations that are a copytruncate; absent: none. */
  readonly cutShare?: number
}

const KINDS = [
  'kill',
  'power',
  'stop',
  'rotate',
  'reset',
  'part',
  'slow network',
  'slow disk',
  'EIO',
  'ENOSPC',
] as const
type Kind = (typeof KINDS)[number]

export const EVERYTHING: Faults = { least: 0, most: 10, ms: 30_000, kinds: KINDS, errorShares: [0.05, 0.5, 1] }

/** More of the faults that lose what waits in a spool, if it is not synced: the power is cut while the network is parted. */
export const POWER_CUTS: Faults = {
  ...EVERYTHING,
  least: 2,
  most: 12,
  kinds: [...KINDS, 'power', 'power', 'part', 'part'],
}

/** More faults, most of them at the client: its log is rotated and its disk has errors while it is stopped and started. */
export const ROUGH_CLIENT: Faults = {
  ...{ least: 4, most: 19, ms: 20_000, clientShare: 0.85, errorShares: [0.02, 0.05, 0.1, 0.3] },
  kinds: [...KINDS, 'stop', 'rotate', 'rotate', 'EIO', 'EIO'],
}

// Longer than any wait of the program, such as the one for an answer, or for a file that may still grow.
const SETTLE_MS = 600_000
const LOOK_EVERY_MS = 3_000
const STEPS_MAX = 600_000

/** `ROUGH_CLIENT` with rotations by logrotate's `copytruncate`. */
export const CUT_CLIENT: Faults = { ...ROUGH_CLIENT, cutShare: 0.6 }

export class World {
  readonly timeline = new Timeline()
  /** A log of what happened, with times, to be printed if the seed fails. */
  readonly story: string[] = []
  readonly #dice: Dice
  readonly #net: SimulatedNet
  readonly #client: Machine
  readonly #servers: readonly Machine[]
  readonly #machines: readonly Machine[]
  readonly #hasStore: boolean
  readonly #writer: Writer
  /** One per server. */
  readonly #positions: readonly Positions[]
  readonly #wrongPositions: string[] = []
  readonly #faults: Faults

  constructor(seed: number, faults: Faults, breakage: Breakage = {}) {
    const dice = new Dice(seed)
    this.#faults = faults
    const tell = (what: string) => void this.story.push(`${this.timeline.ms.toFixed(1).padStart(9)} ${what}`)
    this.#dice = dice
    this.#net = new SimulatedNet(this.timeline, dice.split())
    const machine = (name: string, configuration: Configuration, wrongDisk?: (disk: Disk) => Disk) => {
      const settings = { name, configuration, ...(wrongDisk && { wrongDisk }) }
      return new Machine(settings, this.timeline, dice.split(), this.#net, tell)
    }
    const { client, relay, servers, hasStore, isPassedThrough, about } = topologyOf(dice, breakage)
    tell(about)
    this.#hasStore = hasStore
    this.#client = machine('client', client)
    this.#servers = servers.map((each, i) => machine(i === 0 ? 'server' : 'server 2', each, breakage.serverDisk))
    const between = relay ? [machine('relay', relay, breakage.relayDisk)] : []
    this.#machines = [this.#client, ...between, ...this.#servers]
    this.#positions = servers.map(() => new Positions(isPassedThrough))
    this.#writer = new Writer(this.#client, this.timeline, dice.split(), tell, faults.cutShare ?? 0)
    this.#net.delayMs = dice.one([1, 20, 300])
    for (const { pace } of this.#machines) pace.slowMs = dice.one([0.5, 5, 50])
    const count = faults.least + dice.below(faults.most - faults.least + 1)
    for (let left = count; left > 0; left -= 1) this.#plan(tell)
  }

  /** Runs the simulation; resolves to a description of each violation. */
  async run(): Promise<string[]> {
    this.#writer.start()
    for (const machine of this.#machines.toReversed()) machine.start()
    await this.#pass(this.#faults.ms)
    this.#writer.end()
    this.#heal()
    let settled = 0
    while (settled < SETTLE_MS && !this.#isAllStored) {
      settled += LOOK_EVERY_MS
      await this.#pass(LOOK_EVERY_MS)
    }
    await this.#pass(2_000)
    // A power cut of all machines at the end: anything that would be sent again later is sent again now.
    for (const machine of this.#machines.toReversed()) machine.kill(true)
    await this.#pass(12_000)
    return this.#wrongs()
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= LOOK_EVERY_MS) {
      await this.timeline.pass(Math.min(LOOK_EVERY_MS, left))
      this.#servers.forEach(({ disk }, i) => {
        this.#wrongPositions.push(...this.#positions[i].look(this.#client.disk, disk))
      })
      if (this.timeline.steps > STEPS_MAX) throw new Error(`no rest after ${this.timeline.steps} steps`)
    }
  }

  #plan(tell: (what: string) => void): void {
    const dice = this.#dice
    const { ms, kinds, clientShare } = this.#faults
    const at = dice.between(0, ms)
    const isClient = clientShare !== undefined && dice.chance(clientShare)
    const machine = isClient ? this.#client : dice.one(this.#machines)
    const kind = dice.one(kinds)
    const call = {
      kill: () => machine.kill(false),
      power: () => machine.kill(true),
      stop: () => machine.stop(),
      rotate: () => this.#writer.rotate(),
      reset: () => {
        tell('network resets connections')
        this.#net.reset()
      },
      part: () => {
        const ms = dice.between(0, 15_000)
        tell(`network is parted for ${ms.toFixed(0)} ms`)
        this.#net.partedUntilMs = this.timeline.ms + ms
      },
      'slow disk': () => (machine.pace.slowMs = dice.between(2, 300)),
      EIO: () => this.#diskErrors(machine, 'EIO'),
      ENOSPC: () => this.#diskErrors(machine, 'ENOSPC'),
      'slow network': () => (this.#net.delayMs = dice.between(2, 500)),
    }[kind]
    this.timeline.after(at, call)
  }

  /** Lets a share of a disk's calls fail for a while. */
  #diskErrors(machine: Machine, code: string): void {
    machine.beginErrors(code, this.#dice.one(this.#faults.errorShares))
    this.timeline.after(this.#dice.between(0, 6_000), () => machine.endErrors())
  }

  /** Ends all faults. */
  #heal(): void {
    this.#net.partedUntilMs = 0
    this.#net.delayMs = 2
    for (const machine of this.#machines) {
      machine.endErrors()
      machine.pace.slowMs = 2
    }
  }

  /** The ids of the lines that each server has stored in one place, its file or its store. */
  #stored(place: typeof OUT | typeof STORE): string[][] {
    return this.#servers.map(({ disk }) => {
      const bytes = disk.files.get(place)?.now
      if (!bytes) return []
      if (place === STORE) return (JSON.parse(bytes.toString('latin1')) as { lines: string[] }).lines
      return bytes.toString('latin1').split('\n').slice(0, -1).map(idOf)
    })
  }

  get #places() {
    return this.#hasStore ? ([OUT, STORE] as const) : ([OUT] as const)
  }

  get #isAllStored(): boolean {
    return this.#places.every((place) => new Set(this.#stored(place).flat()).size >= this.#writer.total)
  }

  #wrongs(): string[] {
    const wrongs = [...this.#wrongPositions]
    for (const place of this.#places) {
      const stored = this.#stored(place)
      const isWhole = stored.length === 1
      stored.forEach((ids, server) => wrongs.push(...this.#wrongOrder(ids, isWhole, `${place} of ${server}`)))
      // After a lost connection a line may have gone to the other server, so each line has to be in at least one of them.
      const all = new Set(stored.flat())
      const { lines } = this.#writer
      lines.forEach((count, file) => {
        for (let line = 0; line < count; line += 1) {
          if (!all.has(`${file}.${line}`))
            wrongs.push(`${place}: of the ${count} lines of file ${file}, ${line} is missing`)
        }
      })
    }
    return wrongs
  }

  /** Checks that the lines of each file are in order and without repeats; if the place has to have all (`isWhole`), without gaps. */
  #wrongOrder(ids: readonly string[], isWhole: boolean, place: string): string[] {
    const wrongs: string[] = []
    const next = this.#writer.lines.map(() => 0)
    for (const id of ids) {
      const [file, line] = id.split('.').map(Number)
      if (isWhole ? line !== next[file] : line < next[file]) {
        wrongs.push(`${place}: after ${file}.${next[file] - 1} comes ${id}`)
      }
      next[file] = line + 1
    }
    return wrongs
  }
}
