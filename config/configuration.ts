// What a configuration says, once it is known to be without fault. Everything is resolved: durations are ms, sizes bytes,
// paths absolute, expressions trees, and every name that is referred to exists.

import type { DestinationType, SourceType } from '../common/component.ts'
import type { ByteRegex } from '../common/expression/regex/byte-regex.ts'
import type { SpoolOptions } from '../common/spool/spool-options.ts'
import type { Expression } from '../common/expression/ast.ts'

export const modes = ['client', 'relay', 'server'] as const
export type Mode = (typeof modes)[number]

export interface ConfiguredSource {
  readonly name: string
  readonly type: SourceType<unknown>
  /** What `type.create` takes. */
  readonly options: unknown
}

export interface ConfiguredDestination {
  readonly name: string
  readonly type: DestinationType<unknown>
  readonly options: unknown
  /** The spool in front of it. */
  readonly buffer?: SpoolOptions
}

/** What a configuration is made of that can be asked about the machine it is to run on. */
export interface Components {
  readonly sources: readonly ConfiguredSource[]
  readonly destinations: readonly ConfiguredDestination[]
}

export interface ConfiguredRoute {
  /** Names of sources; absent for all. */
  readonly from?: readonly string[]
  /** What it selects, references to filters resolved; absent for all. */
  readonly where?: Expression
  /** `where` as it was written. */
  readonly whereText?: string
  /** Names of destinations. */
  readonly to: readonly string[]
  readonly final: boolean
  /** What is blotted out of what it selects. */
  readonly mask: readonly ByteRegex[]
}

export interface Configuration extends Components {
  /** The file it came from, as it was named; absent for a built-in. */
  readonly path?: string
  readonly mode: Mode
  /** Absolute. */
  readonly dataFolder: string
  readonly messageBytesMax: number
  readonly drainMs: number
  readonly filters: ReadonlyMap<string, Expression>
  readonly routes: readonly ConfiguredRoute[]
}
