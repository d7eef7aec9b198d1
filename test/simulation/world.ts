// A client that follows a log, a server that stores it, a network between them, and everything that can go wrong, from one
// seed. In the end nothing goes wrong any more, and every line is stored once, in its order.
//
//   writer ─▶ /logs/app.log ─▶ client: file ─▶ [spool] ─▶ relp ═══▶ server: relp ─▶ /out/all.log

import { fileType } from '../../collector/file/file-type.ts'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import type { SourceType } from '../../common/component.ts'
import type { Disk } from '../../common/disk.ts'
import type { SpoolOptions } from '../../common/spool/spool-options.ts'
import type { Configuration } from '../../config/configuration.ts'
import { forwardType } from '../../shipper/forward/forward-destination.ts'
import { fileSource } from '../../shipper/tail/file-source.ts'
import { Dice } from './dice.ts'
import { Machine } from './machine.ts'
import { SimulatedNet } from './network.ts'
import { Positions } from './positions.ts'
import { Timeline } from './timeline.ts'
import { idOf, Writer } from './writer.ts'

const OUT = '/out/all.log'
const FAULTS_MS = 30_000
// Longer than every wait of the program: an answer that does not come, a file that may still grow.
const SETTLE_MS = 600_000
const LOOK_EVERY_MS = 3_000
const STEPS_MAX = 400_000

/** A build that is broken on purpose, through the seams. */
export interface Breakage {
  readonly source?: (source: SourceType<unknown>) => SourceType<unknown>
  readonly serverDisk?: (disk: Disk) => Disk
}

const options = {
  apps: fileSource.options.parse({ paths: ['/logs/*.log'] }),
  central: forwardType.options.parse({ to: ['relp://server:2514'] }),
  network: syslogSource.options.parse({ listen: ['relp://0.0.0.0:2514'] }),
  files: fileType.options.parse({ path: OUT, line: '{message}' }),
}

const general = { dataFolder: '/data', messageBytesMax: 1024 * 1024, drainMs: 10_000, filters: new Map() }

function clientConfiguration(dice: Dice, breakage: Breakage): Configuration {
  const buffer: SpoolOptions = { bytesMax: 2 ** 26, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 }
  const destination = { name: 'central', type: forwardType, options: options.central }
  return {
    ...general,
    mode: 'client',
    sources: [{ name: 'apps', type: breakage.source?.(fileSource) ?? fileSource, options: options.apps }],
    destinations: [dice.chance(0.4) ? { ...destination, buffer } : destination],
    routes: [{ to: ['central'], final: false, mask: [] }],
  }
}

const serverConfiguration: Configuration = {
  ...general,
  mode: 'server',
  sources: [{ name: 'network', type: syslogSource, options: options.network }],
  destinations: [{ name: 'files', type: fileType, options: options.files }],
  routes: [{ to: ['files'], final: false, mask: [] }],
}

export class World {
  readonly timeline = new Timeline()
  readonly story: string[] = []
  readonly #dice: Dice
  readonly #net: SimulatedNet
  readonly #client: Machine
  readonly #server: Machine
  readonly #writer: Writer
  readonly #positions: Positions
  readonly #wrongPositions: string[] = []

  /** `faultsMax` is how many things go wrong at most. */
  constructor(seed: number, faultsMax: number, breakage: Breakage = {}) {
    const dice = new Dice(seed)
    const tell = (what: string) => void this.story.push(`${this.timeline.ms.toFixed(1).padStart(9)} ${what}`)
    this.#dice = dice
    this.#net = new SimulatedNet(this.timeline, dice.split())
    const machine = (name: string, configuration: Configuration, wrongDisk?: (disk: Disk) => Disk) => {
      const settings = { name, configuration, ...(wrongDisk && { wrongDisk }) }
      return new Machine(settings, this.timeline, dice.split(), this.#net, tell)
    }
    const configuration = clientConfiguration(dice, breakage)
    const hasSpool = configuration.destinations[0].buffer !== undefined
    tell(hasSpool ? 'with a spool' : 'without a spool')
    this.#positions = new Positions(!hasSpool)
    this.#client = machine('client', configuration)
    this.#server = machine('server', serverConfiguration, breakage.serverDisk)
    this.#writer = new Writer(this.#client, this.timeline, dice.split(), tell)
    this.#net.delayMs = dice.one([1, 20, 300])
    for (const { pace } of [this.#client, this.#server]) pace.slowMs = dice.one([0.5, 5, 50])
    for (let count = dice.below(faultsMax + 1); count > 0; count -= 1) this.#plan(tell)
  }

  /** Lives through all of it; resolves to what is wrong in the end. */
  async run(): Promise<string[]> {
    this.#writer.start()
    this.#server.start()
    this.#client.start()
    await this.#pass(FAULTS_MS)
    this.#writer.end()
    this.#heal()
    let settled = 0
    while (settled < SETTLE_MS && this.#stored().length < this.#writer.total) {
      settled += LOOK_EVERY_MS
      await this.#pass(LOOK_EVERY_MS)
    }
    await this.#pass(2_000)
    // Whatever is still to be sent again, is sent again now.
    this.#server.kill(true)
    this.#client.kill(true)
    await this.#pass(12_000)
    return this.#wrongs()
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= LOOK_EVERY_MS) {
      await this.timeline.pass(Math.min(LOOK_EVERY_MS, left))
      this.#wrongPositions.push(...this.#positions.look(this.#client.disk, this.#server.disk))
      if (this.timeline.steps > STEPS_MAX) throw new Error(`no rest after ${this.timeline.steps} steps`)
    }
  }

  #plan(tell: (what: string) => void): void {
    const dice = this.#dice
    const at = dice.between(0, FAULTS_MS)
    const machine = dice.one([this.#client, this.#server])
    const kind = dice.one([
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
    ] as const)
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
    machine.beginErrors(code, this.#dice.one([0.05, 0.5, 1]))
    this.timeline.after(this.#dice.between(0, 6_000), () => machine.endErrors())
  }

  #heal(): void {
    this.#net.partedUntilMs = 0
    this.#net.delayMs = 2
    for (const machine of [this.#client, this.#server]) {
      machine.endErrors()
      machine.pace.slowMs = 2
    }
  }

  #stored(): string[] {
    const bytes = this.#server.disk.files.get(OUT)?.now
    return bytes ? bytes.toString('latin1').split('\n').slice(0, -1).map(idOf) : []
  }

  #wrongs(): string[] {
    const wrongs = [...this.#wrongPositions]
    const stored = this.#stored()
    const next = this.#writer.lines.map(() => 0)
    for (const id of stored) {
      const [file, line] = id.split('.').map(Number)
      if (line !== next[file]) wrongs.push(`after ${file}.${next[file] - 1} comes ${id}`)
      next[file] = line + 1
    }
    this.#writer.lines.forEach((count, file) => {
      if (next[file] !== count) wrongs.push(`file ${file} has ${count} lines, and ends with ${next[file] - 1}`)
    })
    return wrongs
  }
}
