// A client that follows a log, servers that store it, perhaps a relay, a network between them (`topology.ts`), and everything
// that can go wrong, from one seed. In the end nothing goes wrong any more, and every line is stored once, in its order.

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

/** What goes wrong. */
export interface Faults {
  /** So many at the least and at the most, within so many ms. */
  readonly least: number
  readonly most: number
  readonly ms: number
  /** One that comes more than once is as much more likely. */
  readonly kinds: readonly Kind[]
  /** How many of them the client has, where its luck is not that of the others. */
  readonly clientShare?: number
  /** How many calls fail of a disk with errors. */
  readonly errorShares: readonly number[]
  /** How many rotations of the log copy and cut it; none where absent. */
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

/** Most of it happens to the client: its log is rotated, and its disk has errors, while it is stopped and started. */
export const ROUGH_CLIENT: Faults = {
  ...{ least: 4, most: 19, ms: 20_000, clientShare: 0.85, errorShares: [0.02, 0.05, 0.1, 0.3] },
  kinds: [...KINDS, 'stop', 'rotate', 'rotate', 'EIO', 'EIO'],
}

// Longer than every wait of the program: an answer that does not come, a file that may still grow.
const SETTLE_MS = 600_000
const LOOK_EVERY_MS = 3_000
const STEPS_MAX = 600_000

/** The same with logrotate's `copytruncate`. */
export const CUT_CLIENT: Faults = { ...ROUGH_CLIENT, cutShare: 0.6 }

export class World {
  readonly timeline = new Timeline()
  readonly story: string[] = []
  readonly #dice: Dice
  readonly #net: SimulatedNet
  readonly #client: Machine
  readonly #servers: readonly Machine[]
  readonly #machines: readonly Machine[]
  readonly #hasStore: boolean
  readonly #writer: Writer
  /** One for each server. */
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

  /** Lives through all of it; resolves to what is wrong in the end. */
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
    // Whatever is still to be sent again, is sent again now.
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

  /** For a while, calls fail: all of them, or now and then one. */
  #diskErrors(machine: Machine, code: string): void {
    machine.beginErrors(code, this.#dice.one(this.#faults.errorShares))
    this.timeline.after(this.#dice.between(0, 6_000), () => machine.endErrors())
  }

  #heal(): void {
    this.#net.partedUntilMs = 0
    this.#net.delayMs = 2
    for (const machine of this.#machines) {
      machine.endErrors()
      machine.pace.slowMs = 2
    }
  }

  /** What each place of each server has: its file, and its store where there is one. */
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
      // A line that went to the other server after a loss may be in both.
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

  /** Each line of a file behind the one before, and once; without a gap where the place `isWhole`. */
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
