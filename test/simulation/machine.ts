// A machine: a disk that outlives the process, and a process that is restarted whenever it has ended.

import { Pipeline } from '../../config/assemble.ts'
import type { Configuration } from '../../config/configuration.ts'
import { reasonOf } from '../../common/fault.ts'
import type { Disk } from '../../common/disk.ts'
import { MemoryDisk, systemError } from '../spool/memory-disk.ts'
import type { Dice } from './dice.ts'
import { Life, type DiskPace } from './life.ts'
import type { SimulatedNet } from './network.ts'
import type { Timeline } from './timeline.ts'

/** Adds an event to the story of a run. */
export type Tell = (what: string) => void

export interface MachineSettings {
  readonly name: string
  readonly configuration: Configuration
  /** Wraps the disk in one with a bug, for the builds that are broken on purpose. */
  readonly wrongDisk?: (disk: Disk) => Disk
}

const RESTART_MS_MAX = 3_000

export class Machine {
  readonly name: string
  readonly pace: DiskPace = { slowMs: 2 }
  disk = new MemoryDisk()
  life: Life | undefined
  readonly #settings: MachineSettings
  readonly #timeline: Timeline
  readonly #dice: Dice
  readonly #net: SimulatedNet
  readonly #tell: Tell
  #pipeline: Pipeline | undefined
  #stopping = false
  #isOpen = false
  #failing: MemoryDisk['failing'] | undefined

  constructor(settings: MachineSettings, timeline: Timeline, dice: Dice, net: SimulatedNet, tell: Tell) {
    this.name = settings.name
    this.#settings = settings
    this.#timeline = timeline
    this.#dice = dice
    this.#net = net
    this.#tell = (what) => tell(`${this.name} ${what}`)
    this.disk.nowMs = () => timeline.now / 1000
  }

  start(): void {
    const { configuration, wrongDisk } = this.#settings
    const life = new Life(this.name, this.#timeline, this.#dice.split(), this.disk, this.pace, this.#net, this.#tell)
    const { platform } = life
    this.life = life
    this.#stopping = false
    this.#tell('starts')
    const pipeline = Pipeline.assemble(
      configuration,
      this.name,
      wrongDisk ? { ...platform, disk: wrongDisk(platform.disk) } : platform,
    )
    this.#pipeline = pipeline
    this.#isOpen = false
    const running = pipeline.open().then(() => {
      this.#isOpen = true
      return pipeline.run()
    })
    running.catch((error: unknown) => {
      if (life.isDead) return
      this.#tell(`gives up: ${reasonOf(error)}`)
      this.#gone(life, false)
    })
  }

  /** Kills the process; or cuts the power of the machine, which loses everything that was not synced. */
  kill(isPower: boolean): void {
    const { life } = this
    if (!life) return
    this.#tell(isPower ? 'loses its power' : 'is killed')
    this.#gone(life, isPower)
    if (!isPower) return
    this.disk = this.disk.afterPowerCut(() => this.#dice.fraction())
    if (this.#failing) this.disk.failing = this.#failing
  }

  /** Asks the process to stop in order. While it is still starting, that kills it. */
  stop(): void {
    const { life } = this
    if (!life || this.#stopping) return
    if (!this.#isOpen) return this.kill(false)
    this.#stopping = true
    this.#tell('is stopped')
    const drained = this.#pipeline!.drain()
    drained.then(
      () => {
        if (life.isDead) return
        this.#tell('has stopped')
        this.#gone(life, false)
      },
      (error: unknown) => this.#tell(`does not stop in order: ${reasonOf(error)}`),
    )
  }

  /** From now on a share of the disk's calls fails with this error; with anything but EIO only those that need space. */
  beginErrors(code: string, share: number): void {
    this.#tell(`has a disk with ${code}`)
    const full = new Set(['open', 'write', 'replaceFile'])
    this.#failing = (operation, _, bytes) => {
      if (code !== 'EIO' && !full.has(operation)) return undefined
      if (!this.#dice.chance(share)) return undefined
      const written = bytes === undefined || this.#dice.chance(0.5) ? {} : { bytesWritten: this.#dice.below(bytes) }
      return Object.assign(systemError(code), written)
    }
    this.disk.failing = this.#failing
  }

  endErrors(): void {
    this.#failing = undefined
    this.disk.failing = () => undefined
  }

  #gone(life: Life, isSilent: boolean): void {
    life.die()
    this.life = undefined
    this.#net.orphan(life, isSilent)
    this.#timeline.after(this.#dice.between(10, RESTART_MS_MAX), () => this.start())
  }
}
