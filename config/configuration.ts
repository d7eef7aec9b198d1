// A validated configuration. Everything is resolved: durations are in ms, sizes in bytes, paths are absolute, expressions are trees,
// and every name that is referred to exists.

import type { DestinationType, SourceType } from '../common/component.ts'
import type { ByteRegex } from '../common/expression/regex/byte-regex.ts'
import type { SpoolOptions } from '../common/spool/spool-options.ts'
import type { Expression } from '../common/expression/ast.ts'

export const modes = ['client', 'relay', 'server'] as const
export type Mode = (typeof modes)[number]

export interface ConfiguredSource {
  readonly name: string
  readonly type: SourceType<unknown>
  /** The options for `type.create`. */
  readonly options: unknown
}

export interface ConfiguredDestination {
  readonly name: string
  readonly type: DestinationType<unknown>
  readonly options: unknown
  /** The spool in front of it. */
  readonly buffer?: SpoolOptions
}

/** The components of a configuration, which can be checked against the machine (`examine.ts`). */
export interface Components {
  readonly sources: readonly ConfiguredSource[]
  readonly destinations: readonly ConfiguredDestination[]
}

export interface ConfiguredRoute {
  /** Names of sources; absent for all. */
  readonly from?: readonly string[]
  /** The messages that it selects, with references to filters resolved; absent for all. */
  readonly where?: Expression
  /** The text of `where`. */
  readonly whereText?: string
  /** Names of destinations. */
  readonly to: readonly string[]
  readonly final: boolean
  /** Patterns that are overwritten in the selected messages. */
  readonly mask: readonly ByteRegex[]
}

export interface Configuration extends Components {
  /** Path of the file, as it was given; absent for a built-in configuration. */
  readonly path?: string
  readonly mode: Mode
  /** Absolute path. */
  readonly dataFolder: string
  readonly messageBytesMax: number
  readonly drainMs: number
  readonly filters: ReadonlyMap<string, Expression>
  readonly routes: readonly ConfiguredRoute[]
}
