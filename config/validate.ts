// Validates a configuration before anything starts: all keys are known, all values are valid, all names are resolved. All faults
// are reported at once.

import { resolve } from 'node:path'
import type { Expression } from '../common/expression/ast.ts'
import { resolveFilters } from '../common/expression/filters.ts'
import { parseWithMistakes } from '../common/expression/parse.ts'
import { ExpressionFault, nearest } from '../common/expression/problem.ts'
import { extended, type OptionsOf, type ZodType } from '../common/option.ts'
import { usualBuffer } from '../common/spool/buffer-option.ts'
import type { SpoolOptions } from '../common/spool/spool-options.ts'
import { doubleClaims } from './claims.ts'
import type {
  Components,
  ConfiguredDestination,
  Configuration,
  ConfiguredRoute,
  ConfiguredSource,
  Mode,
} from './configuration.ts'
import { defaultDataFolder } from './data-folder.ts'
import {
  destinationOptions,
  filtersDeclaration,
  routeDeclaration,
  topDeclaration,
  type WrittenExpression,
} from './declaration.ts'
import { withKeysCorrected, keysOf, namesBelow, type Names } from './misspellings.ts'
import { readOptions, type Subject } from './option-faults.ts'
import { offsetInScalar } from './scalar-offset.ts'
import type { ConfigFault, SourceText } from './source-text.ts'
import { laterTypes, type KnownTypes } from './types.ts'
import { parseYaml, type TextRange, type YamlEntry, type YamlMap, type YamlNode, type YamlScalar } from './yaml.ts'

/** Either a configuration, or its faults in the order of the file, with its components as far as they are valid. */
export type Validated = { readonly root: YamlNode | undefined } & (
  { readonly configuration: Configuration } | { readonly faults: readonly ConfigFault[]; readonly readable: Components }
)

/** Validates a configuration for a mode; by default for the mode that it names itself, or `server` if it names none. */
export function validate(source: SourceText, mode: Mode | undefined, known: KnownTypes): Validated {
  const { root, faults, broken } = parseYaml(source.text)
  const validation = new Validation(source.text, known, faults)
  const configuration = root || faults.length === 0 ? validation.read(root, mode) : undefined
  if (configuration && faults.length === 0) return { root, configuration }
  return { root, faults: withoutEchoes(faults, broken), readable: validation.readable }
}

// Removes follow-up faults: other faults of a place with a syntax error, or of a scalar that is not valid YAML, since it is unknown
// what was meant there. Missing keys are still reported, even if the name of their group is such a scalar.
function withoutEchoes(faults: readonly ConfigFault[], broken: readonly TextRange[]): ConfigFault[] {
  const firstSyntaxFaults = new Map<number | undefined, ConfigFault>()
  for (const fault of faults) {
    if (fault.code === 'CONFIG_SYNTAX' && !firstSyntaxFaults.has(fault.at)) firstSyntaxFaults.set(fault.at, fault)
  }
  let passed = 0
  return faults
    .toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))
    .filter((fault) => {
      const { at = 0, code } = fault
      if (code === 'CONFIG_MISSING_KEY') return true
      if (code === 'CONFIG_SYNTAX') return firstSyntaxFaults.get(fault.at) === fault
      while (passed < broken.length && broken[passed].end <= at) passed += 1
      return !firstSyntaxFaults.has(fault.at) && !(passed < broken.length && broken[passed].start <= at)
    })
}

type Route = OptionsOf<typeof routeDeclaration>

const NAME_CHARACTERS_MAX = 64

/** Names that sluice uses itself in the data folder, beside the folders of destinations. */
const ownNames = ['spool', 'sources', 'cut', 'control.sock', 'instance']

class Validation {
  readonly #text: string
  readonly #known: KnownTypes
  readonly #faults: ConfigFault[]
  readonly #routeKeys = keysOf(routeDeclaration)
  /** Those of destinations, with the options that all of them have. */
  readonly #declarations: ReadonlyMap<unknown, ZodType>
  #filtersMayHaveMore = false
  /** All components of known types, without their faulty options. Set by `read`. */
  readable: Components = { sources: [], destinations: [] }

  constructor(text: string, known: KnownTypes, faults: ConfigFault[]) {
    this.#text = text
    this.#known = known
    this.#faults = faults
    this.#declarations = new Map(
      known.destinations.map((type) => [type, extended(type.options, destinationOptions)] as const),
    )
  }

  read(root: YamlNode | undefined, started: Mode | undefined): Configuration | undefined {
    if (!root || (root.kind === 'scalar' && root.value === null)) {
      this.#fail('CONFIG_MISSING_KEY', 0, 'the configuration is empty; it needs "sources" and "destinations"')
      return undefined
    }
    if (root.kind !== 'map') {
      const what = root.kind === 'list' ? 'a list' : 'text'
      this.#fail('CONFIG_WRONG_TYPE', root.start, `expected keys such as sources: and destinations:, found ${what}`)
      return undefined
    }
    const top = this.#readTop(root)
    const mode = this.#modeOf(root, top?.mode, started)
    const meant = withKeysCorrected(root, keysOf(topDeclaration))
    const sources = this.#components(meant, 'sources')
    const destinations = this.#components(meant, 'destinations').map((destination) => buffered(destination, mode))
    this.readable = { sources, destinations }
    this.#faults.push(...doubleClaims(meant, 'sources', sources), ...doubleClaims(meant, 'destinations', destinations))
    this.#filtersMayHaveMore = namesBelow(meant, 'filters').mayHaveMore
    const filters = this.#filters(meant)
    const routes = this.#routes(meant, filters)
    if (!top) return undefined
    const { max_message: messageBytesMax, drain: drainMs } = top
    const dataFolder = top.data === undefined ? defaultDataFolder() : resolve(top.data)
    return { mode, dataFolder, messageBytesMax, drainMs, sources, destinations, filters, routes }
  }

  #fail(code: ConfigFault['code'], at: number, sentence: string, suggestion?: string): void {
    this.#faults.push({ code, at, sentence, ...(suggestion !== undefined && { suggestion }) })
  }

  #readOptions(subject: Subject): unknown {
    const { value, faults } = readOptions(this.#text, subject)
    this.#faults.push(...faults)
    return value
  }

  #readTop(root: YamlMap): OptionsOf<typeof topDeclaration> | undefined {
    const words = { has: 'a configuration has', needs: 'a configuration needs' }
    return this.#readOptions({ node: root, at: root.start, ...words, declaration: topDeclaration }) as
      OptionsOf<typeof topDeclaration> | undefined
  }

  #modeOf(root: YamlMap, written: Mode | undefined, started: Mode | undefined): Mode {
    if (written !== undefined && started !== undefined && written !== started) {
      const at = root.entries.get('mode')!.value.start
      this.#fail(
        'CONFIG_WRONG_VALUE',
        at,
        `mode: this is for \`sluice ${written}\`, and \`sluice ${started}\` was started`,
      )
    }
    return started ?? written ?? 'server'
  }

  /** The entries of a top-level group whose keys are names chosen by the user. */
  #namedEntries(root: YamlMap, key: string): [string, YamlEntry][] {
    const group = root.entries.get(key)?.value
    if (!group) return []
    const required = key !== 'filters'
    if (group.kind !== 'map') {
      const empty = group.kind === 'scalar' && group.value === null
      const found = empty ? 'a value is missing here' : `this is a ${group.kind === 'list' ? 'list' : 'value'}`
      if (required || !empty)
        this.#fail(
          'CONFIG_WRONG_TYPE',
          group.start,
          `${key}: ${found}; write names with their ${required ? 'options' : 'expressions'}`,
        )
      return []
    }
    if (required && group.entries.size === 0)
      this.#fail('CONFIG_WRONG_VALUE', group.start, `${key}: the group is empty; it takes at least one entry`)
    const entries = [...group.entries]
    for (const [name, { key: range }] of entries) this.#checkName(name, range.start, key)
    return entries
  }

  // Names become file names (spools, archives) and metric labels.
  #checkName(name: string, at: number, group: string): void {
    const bad = /^$|^\.|[/\p{Cc}]/u.test(name) || name.length > NAME_CHARACTERS_MAX
    if (bad) {
      const rule = `1 to ${NAME_CHARACTERS_MAX} characters, without "/" and control characters, not beginning with a dot`
      this.#fail('CONFIG_WRONG_VALUE', at, `${JSON.stringify(name)} is not a valid name: ${rule}`)
    } else if (name === '__proto__' || (group === 'destinations' && ownNames.includes(name))) {
      this.#fail('CONFIG_WRONG_VALUE', at, `"${name}" cannot be a name: sluice uses it itself`)
    }
  }

  #components(root: YamlMap, group: 'sources' | 'destinations'): (ConfiguredSource & ConfiguredDestination)[] {
    const components: (ConfiguredSource & ConfiguredDestination)[] = []
    for (const [name, { key, value: node }] of this.#namedEntries(root, group)) {
      if (node.kind !== 'map') {
        this.#fail(
          'CONFIG_WRONG_TYPE',
          node.start,
          `${name}: the options of a ${group.slice(0, -1)} belong here, such as { type: file }`,
        )
        continue
      }
      const type = this.#typeOf(node, key.start, group)
      const slips = this.#misspeltTypes(node, group)
      if (!type) continue
      const words = { has: `${group} have`, needs: `${type.type} ${group} need` }
      const subject = {
        node,
        at: key.start,
        ...words,
        declaration: this.#declarations.get(type) ?? type.options,
        besides: ['type', ...slips],
      }
      const { faultless, faults } = readOptions(this.#text, subject)
      this.#faults.push(...faults)
      // A fault must not hide another one: the options without faults are checked further, on their own.
      components.push({ name, type: type as never, options: faultless })
    }
    return components
  }

  #typeOf(node: YamlMap, at: number, group: 'sources' | 'destinations') {
    const types = this.#known[group]
    const names = types.map(({ type }) => type)
    const entry = node.entries.get('type')
    const isNull = entry?.value.kind === 'scalar' && entry.value.value === null
    if (isNull || (!entry && !node.hasBrokenKey))
      this.#fail('CONFIG_MISSING_KEY', entry?.key.start ?? at, `${group} need "type": one of ${names.join(', ')}`)
    const written = withKeysCorrected(node, ['type']).entries.get('type')?.value
    if (!written || isNull) return undefined
    const typed = written.kind === 'scalar' ? String(written.value) : ''
    const found = types.find(({ type }) => type === typed)
    if (found) return found
    const later = (laterTypes[group] as readonly string[]).includes(typed)
    const suggestion = later ? undefined : nearest(typed, names)
    const sentence = later ? `this version has no ${typed} ${group} yet` : `there are no ${typed || 'such'} ${group}`
    const rest = suggestion === undefined ? listed(names) : ''
    this.#fail('CONFIG_UNKNOWN_TYPE', written.start, sentence + rest, suggestion)
    return undefined
  }

  // Reported also if the type is unknown, although the other keys cannot be checked then.
  #misspeltTypes(node: YamlMap, group: string): string[] {
    const meant = withKeysCorrected(node, ['type']).entries.get('type')
    const slips = node.entries.has('type') ? [] : [...node.entries].filter(([, entry]) => entry === meant)
    for (const [name, { key }] of slips)
      this.#fail('CONFIG_UNKNOWN_KEY', key.start, `${group} have no "${name}"`, 'type')
    return slips.map(([name]) => name)
  }

  #filters(root: YamlMap): Map<string, Expression> {
    const written = new Map<string, { node: YamlScalar; expression: Expression; text: string }>()
    const broken = new Map<string, YamlNode>()
    for (const [name, { value: node }] of this.#namedEntries(root, 'filters')) {
      const subject = { node: singleEntry(name, node), at: node.start, has: 'filters have', needs: 'filters need' }
      const read = this.#readOptions({ ...subject, declaration: filtersDeclaration })
      const filter = (read as Record<string, WrittenExpression> | undefined)?.[name]
      if (filter && node.kind === 'scalar') written.set(name, { node, ...filter })
      else broken.set(name, node)
    }
    const filters: Map<string, Expression> = new Map()
    // A broken filter is reported once, not wherever it is used.
    for (const name of broken.keys()) filters.set(name, { kind: 'all' })
    for (const [name, { expression }] of written) filters.set(name, expression)
    for (const [name, node] of broken) this.#lookUpIn(node, filters, `${name}: `)
    const resolved = new Map(filters)
    for (const [name, { node, expression, text }] of written) {
      const whole = this.#resolve(expression, filters, text, node, `${name}: `, name)
      if (whole) resolved.set(name, whole)
    }
    return resolved
  }

  /** The expression with its filters resolved; undefined if there were faults. */
  #resolve(
    expression: Expression,
    filters: ReadonlyMap<string, Expression>,
    text: string,
    node: YamlScalar,
    label: string,
    name?: string,
  ): Expression | undefined {
    try {
      return resolveFilters(expression, filters, text, name)
    } catch (error) {
      if (!(error instanceof ExpressionFault)) throw error
      for (const { start, end, sentence, suggestion } of error.problems) {
        // If the filter exists, the fault is not an unknown name (it refers to itself, for example).
        const exists = filters.has(text.slice(start, end).replaceAll(/^["']|["']$/g, ''))
        if (!exists && this.#filtersMayHaveMore) continue
        const code = exists ? 'CONFIG_EXPRESSION' : 'CONFIG_UNKNOWN_NAME'
        this.#fail(code, offsetInScalar(this.#text, node, start), label + sentence, suggestion)
      }
      return undefined
    }
  }

  /** Reports unknown filters in an expression whose other mistakes have been reported already. */
  #lookUpIn(node: YamlNode, filters: ReadonlyMap<string, Expression>, label: string): void {
    if (node.kind !== 'scalar' || typeof node.value !== 'string') return
    this.#resolve(parseWithMistakes(node.value), filters, node.value, node, label)
  }

  #routes(root: YamlMap, filters: ReadonlyMap<string, Expression>): ConfiguredRoute[] {
    const node = root.entries.get('routes')?.value
    const destinations = namesBelow(root, 'destinations')
    if (!node) return [{ to: [...destinations.known], final: false, mask: [] }]
    if (node.kind !== 'list') {
      this.#fail('CONFIG_WRONG_TYPE', node.start, 'routes: a list of routes belongs here, such as - { to: [archive] }')
      return []
    }
    if (node.items.length === 0) {
      this.#fail(
        'CONFIG_WRONG_VALUE',
        node.start,
        'routes: the list is empty; without routes: everything goes everywhere',
      )
    }
    const sources = namesBelow(root, 'sources')
    return node.items.flatMap((item) => this.#route(item, sources, destinations, filters) ?? [])
  }

  #route(
    node: YamlNode,
    sources: Names,
    destinations: Names,
    filters: ReadonlyMap<string, Expression>,
  ): ConfiguredRoute | undefined {
    if (node.kind !== 'map') {
      this.#fail('CONFIG_WRONG_TYPE', node.start, 'routes: a route is a group of keys, such as { to: [archive] }')
      return undefined
    }
    const subject = { node, at: node.start, has: 'routes have', needs: 'routes need', declaration: routeDeclaration }
    const { value, faultless, faults } = readOptions(this.#text, subject)
    this.#faults.push(...faults)
    const meant = withKeysCorrected(node, this.#routeKeys)
    this.#checkNames(meant, 'from', 'source', sources)
    this.#checkNames(meant, 'to', 'destination', destinations)
    // Its names are resolved even if another key has a fault.
    const where = this.#where(meant, (faultless as Partial<Route>).where, filters)
    if (!value) return undefined
    const { from, to, final, mask = [] } = value as Route
    return {
      ...(from && { from }),
      ...(where && { where: where.expression, whereText: where.text }),
      ...{ to: [...new Set(to)], final, mask },
    }
  }

  /** The condition of a route with its filters resolved. `read` is absent if it has mistakes, or a misspelt key. */
  #where(
    route: YamlMap,
    read: WrittenExpression | undefined,
    filters: ReadonlyMap<string, Expression>,
  ): WrittenExpression | undefined {
    const node = route.entries.get('where')?.value
    if (node?.kind !== 'scalar') return undefined
    if (!read) {
      this.#lookUpIn(node, filters, 'where: ')
      return undefined
    }
    const { text } = read
    const expression = this.#resolve(read.expression, filters, text, node, 'where: ')
    return expression && { text, expression }
  }

  #checkNames(route: YamlMap, key: string, what: string, { known, mayHaveMore }: Names): void {
    const node = route.entries.get(key)?.value
    if (node?.kind !== 'list' || mayHaveMore) return
    for (const item of node.items) {
      if (item.kind !== 'scalar' || typeof item.value !== 'string' || item.value === '' || known.includes(item.value))
        continue
      const suggestion = nearest(item.value, known)
      const rest = suggestion === undefined && known.length > 0 ? listed(known) : ''
      this.#fail('CONFIG_UNKNOWN_NAME', item.start, `${key}: there is no ${what} "${item.value}"${rest}`, suggestion)
    }
  }
}

const listed = (names: readonly string[]) => `; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`

/** Separates `buffer:` from the options of the type. Forwards of a relay have a buffer by default. */
function buffered({ name, type, options }: ConfiguredDestination, mode: Mode): ConfiguredDestination {
  const { buffer: written, ...own } = options as { buffer?: SpoolOptions | 'none' }
  const buffer = written ?? (mode === 'relay' && type.type === 'forward' ? usualBuffer : 'none')
  return { name, type, options: own, ...(buffer !== 'none' && { buffer }) }
}

// A filter is read as a group with one key, so that faults contain its name.
function singleEntry(name: string, value: YamlNode): YamlMap {
  const { start, end } = value
  return { kind: 'map', entries: new Map([[name, { key: { start, end }, value }]]), start, end }
}
