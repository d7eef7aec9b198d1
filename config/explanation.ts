// Explains what a daemon would do with a line: its fields, its routes, and where it is stored. Uses the parser, predicates and
// path templates of the daemon, with a batch of one message.

import { FileTargets } from '../collector/file/file-targets.ts'
import { fieldText } from '../collector/line-template.ts'
import type { OutputFile } from '../collector/file/output-file.ts'
import { PathOwnership } from '../collector/file/path-ownership.ts'
import { compilePath, standInPath, type PathTemplate } from '../collector/file/path-template.ts'
import { compilePredicate, type Predicate } from '../common/expression/predicate.ts'
import { messageObject, type MessageObject } from '../common/message/message-object.ts'
import { DEFAULT_PRIORITY } from '../common/message/priority.ts'
import { localZone, type Zone } from '../common/message/zone.ts'
import { releaseBatch, type Batch, type Origin } from '../common/pipeline/batch.ts'
import { maskWith } from '../common/pipeline/mask.ts'
import { SlabPool } from '../common/pipeline/slab.ts'
import type { Configuration, ConfiguredDestination, ConfiguredRoute, ConfiguredSource } from './configuration.ts'

export interface Explanation {
  readonly message: MessageObject
  /** The source that the line is assumed to come from. */
  readonly source: string
  /** Present if the source takes nothing from the sender, which its `allow` does not list. */
  readonly refused?: true
  /** Routes that select it, counted from 1. */
  readonly routes: readonly number[]
  readonly destinations: readonly StoredAt[]
}

export interface StoredAt {
  readonly name: string
  readonly type: string
  /** Path of the file, for `file` destinations. */
  readonly path?: string
}

/** What finds the paths of a `file` destination. */
interface ExplainedFiles {
  readonly template: PathTemplate
  readonly names: PathOwnership
  readonly targets: FileTargets
}

/** Options for lines without a header. Which of them a source has depends on its type. */
interface LineDefaults {
  readonly program?: string
  readonly facility?: number
  readonly severity?: number
  readonly zone?: Zone
  readonly keep_host?: boolean
}

export class Explainer {
  readonly #configuration: Configuration
  readonly #source: ConfiguredSource
  /** The origin of the lines. */
  readonly origin: Origin
  readonly #isRefused: boolean
  readonly #predicates: readonly (Predicate | undefined)[]
  /** All `file` destinations by name: all are needed to decide which one a path belongs to (`path-ownership.ts`). */
  readonly #files: ReadonlyMap<string, ExplainedFiles>
  readonly #slabs = new SlabPool()

  /** `from` is the address of the peer, for lines that come over the network. */
  constructor(configuration: Configuration, source: ConfiguredSource, hostName: string, from: string | undefined) {
    this.#configuration = configuration
    this.#source = source
    this.origin = originOf(source, hostName, from)
    this.#isRefused = from !== undefined && source.type.allows?.(source.options, from) === false
    this.#predicates = configuration.routes.map(({ where }) => where && compilePredicate(where))
    const files = configuration.destinations.filter(({ type }) => type.type === 'file')
    this.#files = new Map(
      files.map(({ name, options }) => {
        const template = compilePath((options as { path: string }).path)
        const fileAt = (path: string) => ({ path }) as OutputFile
        const targets = new FileTargets(template, localZone, 0, fileAt, fieldText)
        return [name, { template, names: new PathOwnership(template, configuration.dataFolder), targets }]
      }),
    )
  }

  /** Explains one line. `received`: µs since the epoch; `mark`: defects that framing found, as a bit mask. */
  explain(line: Buffer, received: number, mark = 0): Explanation {
    const batch = this.#batchOf(line, received, mark)
    try {
      const routes = this.#isRefused ? [] : this.#routesOf(batch)
      const taken = routes.map((number) => this.#configuration.routes[number - 1])
      const reached = new Set(taken.flatMap(({ to }) => to))
      return {
        message: messageObject(batch, 0, this.origin),
        source: this.#source.name,
        ...(this.#isRefused && { refused: true as const }),
        routes,
        destinations: this.#configuration.destinations
          .filter(({ name }) => reached.has(name))
          .map((destination) => this.#landing(destination, batch, taken)),
      }
    } finally {
      releaseBatch(batch)
    }
  }

  #batchOf(line: Buffer, received: number, mark: number): Batch {
    const slab = this.#slabs.take(line.length)!
    slab.bytes.set(line)
    const runs = [{ count: 1, origin: this.origin }]
    return { slab, bounds: Uint32Array.of(0, line.length), marks: Uint32Array.of(mark), count: 1, received, runs }
  }

  #routesOf(batch: Batch): number[] {
    const taken: number[] = []
    const chosen = new Uint8Array(1)
    for (const [index, { from, final }] of this.#configuration.routes.entries()) {
      if (from && !from.includes(this.#source.name)) continue
      chosen[0] = 1
      this.#predicates[index]?.select(batch, chosen)
      if (chosen[0] === 0) continue
      taken.push(index + 1)
      if (final) break
    }
    return taken
  }

  #landing({ name, type }: ConfiguredDestination, batch: Batch, taken: readonly ConfiguredRoute[]): StoredAt {
    // A mask applies to the fields of a path too, since structured data may be among them.
    const masks = taken.filter(({ to }) => to.includes(name)).flatMap(({ mask }) => mask)
    const masked = masks.length > 0 ? maskWith(masks, this.#slabs)(batch, undefined) : undefined
    const path = this.#pathOf(name, masked ?? batch)
    if (masked) releaseBatch(masked)
    return { name, type: type.type, ...(path !== undefined && { path }) }
  }

  #pathOf(destination: string, batch: Batch): string | undefined {
    const file = this.#files.get(destination)
    if (!file) return undefined
    const { template, names, targets } = file
    let path = ''
    targets.each(batch, (_, found) => (path = found.path))
    return names.isAnothers(path) ? standInPath(template) : path
  }
}

function originOf({ name, type, options }: ConfiguredSource, hostName: string, from: string | undefined): Origin {
  const {
    program = type.programOf?.(options) ?? '',
    facility,
    severity,
    zone = localZone,
    keep_host = true,
  } = options as LineDefaults
  const lines = ({ syslog: 'syslog', unix: 'local' } as const)[type.type] ?? 'text'
  return {
    source: name,
    ...(from !== undefined && { peer: from }),
    ...{ lines, zone },
    host: Buffer.from(from ?? (lines === 'syslog' ? '' : hostName)),
    ...(!keep_host && { hostForced: true }),
    program: Buffer.from(program),
    priority: ((facility ?? DEFAULT_PRIORITY >> 3) << 3) | (severity ?? DEFAULT_PRIORITY & 7),
  }
}

/** The default source: the first `syslog` source, else the first source. */
export function likelySource({ sources }: Configuration): ConfiguredSource {
  return sources.find(({ type }) => type.type === 'syslog') ?? sources[0]
}
