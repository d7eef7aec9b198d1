// What the configuration knows about a type of source or destination: its name, its options, and how to create one.
// Each type exports one of these next to its code; `config/` collects them and knows nothing else about them.

import type { Disk } from './disk.ts'
import type { ZodType } from './option.ts'
import type { Zone } from './message/zone.ts'
import type { Platform } from './platform.ts'
import type { Destination, Source } from './pipeline/sink.ts'

/** What every component gets besides its own options. */
export interface ComponentContext {
  /** Its name in the configuration. */
  readonly name: string
  readonly platform: Platform
  /** `data:` as an absolute path: checkpoints, spools, archives and the control socket live below. */
  readonly dataFolder: string
  /** This machine's host name, as written in messages. */
  readonly hostName: string
  /** `max_message`, bytes. */
  readonly messageBytesMax: number
  /** The zone of this machine. */
  readonly localZone: Zone
}

/** A mistake in options that can be found only on the machine itself, such as a missing file. */
export interface Misfit {
  /** Where it is, starting at the component's options. */
  readonly path: readonly string[]
  /** Without a full stop. */
  readonly sentence: string
  /** What was probably meant. */
  readonly suggestion?: string | undefined
}

/** A resource that only one component can use: an address to listen on, a file to write. */
export interface Claim {
  /** Where it is written, starting at the component's options. */
  readonly path: readonly (string | number)[]
  /** Claims with the same key conflict. */
  readonly key: string
  /** What the key resolves to: claims with different keys and the same meaning conflict too. */
  readonly meaning?: string
  /** Other keys that it conflicts with because it is a part of them (as an address is part of `0.0.0.0`). */
  readonly partOf?: readonly string[]
}

export interface SourceType<Options> {
  /** The value of `type:`. */
  readonly type: string
  /** One sentence for the handbook. */
  readonly about: string
  /** All options except `type`, strict; its parsed value is passed to `create`. */
  readonly options: ZodType<Options>
  /** What it alone can use. Options with a fault are absent. */
  claims?(options: Partial<Options>): readonly Claim[]
  /** Looks at the files that options name, before anything starts. Options with a fault are absent. */
  examine?(options: Partial<Options>, disk: Disk): Promise<readonly Misfit[]>
  /** Tells of an absolute path whether it reads what is appended to that file. */
  reads?(options: Options): (path: string) => boolean
  /** Whether it takes messages from the peer with this address. Absent if it has no peers. */
  allows?(options: Options, address: string): boolean
  /** The program of lines without a header, which no option has to name; undefined if lines differ in it. */
  programOf?(options: Options): string | undefined
  create(options: Options, context: ComponentContext): Source
}

export interface DestinationType<Options> {
  readonly type: string
  readonly about: string
  /** Whether it passes streams on to another sluice, under the ids that they have. */
  readonly passesStreams?: true
  readonly options: ZodType<Options>
  /** What it alone can use. Options with a fault are absent. */
  claims?(options: Partial<Options>): readonly Claim[]
  /** Looks at the files that options name, before anything starts. Options with a fault are absent. */
  examine?(options: Partial<Options>, disk: Disk): Promise<readonly Misfit[]>
  /** What is not wrong, but probably not meant: a sentence each, for `sluice check`. */
  notes?(options: Options): readonly string[]
  /** The absolute path of a file that it may append lines to. */
  writes?(options: Options): string
  create(options: Options, context: ComponentContext): Destination
}
