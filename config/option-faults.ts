// Validates options against their declaration, and converts the issues found to faults with positions in the file.

import { nearest } from '../common/expression/problem.ts'
import type { FaultCode } from '../common/fault-codes.ts'
import { jsonSchemaOf, readLoosely, shown, type IssueParams, type ZodType } from '../common/option.ts'
import { offsetInScalar } from './scalar-offset.ts'
import type { ConfigFault } from './source-text.ts'
import { valueOf, type YamlNode } from './yaml.ts'

/** A group of options in the file. */
export interface Subject {
  readonly node: YamlNode
  /** Offset at which missing keys are reported: that of its name. */
  readonly at: number
  /** Beginning of a sentence about an unknown key, such as `destinations have` before `no "formt"`. */
  readonly has: string
  /** Beginning of a sentence about a missing key, such as `forward destinations need` before `"to"`. */
  readonly needs: string
  readonly declaration: ZodType
  /** Keys that are read elsewhere, such as `type`. */
  readonly besides?: readonly string[]
}

interface Issue {
  readonly code?: string | undefined
  readonly message: string
  readonly path: PropertyKey[]
  readonly expected?: string
  readonly keys?: string[]
  readonly errors?: Issue[][]
  readonly params?: Record<string, unknown> | undefined
}

/** The result of reading a group of options. */
interface ReadOptions {
  /** Their value; absent if there are faults. */
  readonly value?: unknown
  /** The value of those options that have no faults. */
  readonly faultless: unknown
  readonly faults: readonly ConfigFault[]
}

/** Reads a group of options. */
export function readOptions(fileText: string, subject: Subject): ReadOptions {
  const result = subject.declaration.safeParse(givenIn(subject))
  if (result.success) return { value: result.data, faultless: result.data, faults: [] }
  const writer = new FaultWriter(fileText, subject)
  const issues = result.error.issues as Issue[]
  for (const issue of issues) writer.add(issue, issue.path)
  const faultless = readLoosely(subject.declaration, givenIn(subject)) as Record<string, unknown>
  for (const issue of issues) if (isOfValue(issue)) remove(faultless, issue.path)
  return { faultless, faults: writer.faults }
}

function givenIn({ node, besides = [] }: Subject): Record<string, unknown> {
  const given = valueOf(node) as Record<string, unknown>
  for (const key of besides) delete given[key]
  return given
}

// The other faults are of unknown keys, which are not read, and of rules about several options, whose values are valid.
const isOfValue = ({ code, params }: Issue) => (code === 'custom' ? params !== undefined : code !== 'unrecognized_keys')

/** Removes an option; because of an entry of a list the whole list, since the other entries have to keep their numbers. */
function remove(group: Record<string, unknown>, [key, ...below]: readonly PropertyKey[]): void {
  const name = String(key)
  const value = group[name]
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (below.length > 0 && isGroup) remove(value as Record<string, unknown>, below)
  else delete group[name]
}

class FaultWriter {
  readonly faults: ConfigFault[] = []
  readonly #fileText: string
  readonly #subject: Subject

  constructor(fileText: string, subject: Subject) {
    this.#fileText = fileText
    this.#subject = subject
  }

  add(issue: Issue, path: readonly PropertyKey[]): void {
    const { node, at } = this.#find(path)
    if (issue.code === 'unrecognized_keys') this.#unknownKeys(issue.keys ?? [], path)
    else if (issue.code === 'invalid_union' && issue.errors && issue.errors.length > 0) this.#bestOf(issue.errors, path)
    else if (!node) this.#missing(path, at)
    else if (issue.code === 'custom') this.#custom(issue, path, node)
    else this.#builtIn(issue, path, node)
  }

  #push(code: FaultCode, at: number, sentence: string, suggestion?: string): void {
    this.faults.push({ code, at, sentence, ...(suggestion !== undefined && { suggestion }) })
  }

  /** The node at a path, if it exists; `at` is the offset of the key (or list item) of the deepest part of the path that exists. */
  #find(path: readonly PropertyKey[]): { node?: YamlNode; at: number } {
    let { node, at } = this.#subject as { node: YamlNode; at: number }
    for (const step of path) {
      if (node.kind === 'map') {
        const entry = node.entries.get(String(step))
        if (!entry) return { at }
        at = entry.key.start
        node = entry.value
      } else {
        const item: YamlNode | undefined = node.kind === 'list' ? node.items[Number(step)] : undefined
        if (!item) return { at }
        at = item.start
        node = item
      }
    }
    return { node, at }
  }

  #unknownKeys(keys: readonly string[], path: readonly PropertyKey[]): void {
    const known = this.#keysAt(path)
    const owner = path.filter((step) => typeof step === 'string').at(-1)
    const has = owner === undefined ? this.#subject.has : `"${owner}" has`
    for (const key of keys) {
      const { at } = this.#find([...path, key])
      const suggestion = nearest(key, known)
      const list = known.length === 0 ? '' : `; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`
      const rest = suggestion === undefined ? list : ''
      this.#push('CONFIG_UNKNOWN_KEY', at, `${has} no "${key}"${rest}`, suggestion)
    }
  }

  #missing(path: readonly PropertyKey[], at: number): void {
    const { node: group } = this.#find(path.slice(0, -1))
    if (group?.kind === 'map' && group.hasBrokenKey) return
    const owner = path
      .slice(0, -1)
      .filter((step) => typeof step === 'string')
      .at(-1)
    const needs = owner === undefined ? this.#subject.needs : `"${owner}" needs`
    const about = this.#schemaAt(path)?.['description']
    // Its first sentence says what it is; the handbook has the others.
    const [first = ''] = typeof about === 'string' ? about.split(/\.(?: |$)/) : []
    const why = first === '' ? '' : ` (${first.charAt(0).toLowerCase()}${first.slice(1)})`
    this.#push('CONFIG_MISSING_KEY', at, `${needs} "${String(path.at(-1))}"${why}`)
  }

  #custom({ message, params }: Issue, path: readonly PropertyKey[], node: YamlNode): void {
    const { fault = 'CONFIG_WRONG_VALUE', start, suggestion } = (params ?? {}) as Partial<IssueParams>
    const within =
      start !== undefined && node.kind === 'scalar' ? offsetInScalar(this.#fileText, node, start) : node.start
    // `0o640` and `0x1a0` are parsed as the number 416, so a suggestion would have digits that the user did not write.
    const otherBase = /^0[ox]/.test(this.#fileText.slice(node.start, node.end))
    this.#push(fault, within, `${nameOf(path)}${message}`, otherBase ? undefined : suggestion)
  }

  #builtIn({ code, expected, message }: Issue, path: readonly PropertyKey[], node: YamlNode): void {
    const name = nameOf(path)
    if (code === 'too_small' && node.kind === 'list') {
      this.#push('CONFIG_WRONG_VALUE', node.start, `${name}the list is empty; it takes at least one entry`)
    } else if (code === 'invalid_type') {
      const wanted =
        expected === 'array' ? 'a list' : expected === 'object' || expected === 'record' ? 'a group of keys' : expected
      const value = valueOf(node)
      const stands =
        value === null ? `a value is missing here; write ${wanted}` : `expected ${wanted}, found ${shown(value)}`
      const listed = expected === 'array' && node.kind === 'scalar' && value !== null
      const written = this.#fileText.slice(node.start, node.end)
      this.#push(
        'CONFIG_WRONG_TYPE',
        node.start,
        name + stands,
        listed && !written.includes('\n') ? `[${written}]` : undefined,
      )
    } else {
      this.#push('CONFIG_WRONG_VALUE', node.start, `${name}${message}`)
    }
  }

  // Of the alternatives of a union, the one with the fewest issues is probably the one that was meant.
  #bestOf(branches: readonly Issue[][], path: readonly PropertyKey[]): void {
    const [best] = branches.toSorted((a, b) => weightOf(a) - weightOf(b))
    for (const issue of best) this.add(issue, [...path, ...issue.path])
  }

  #keysAt(path: readonly PropertyKey[]): string[] {
    return Object.keys((this.#schemaAt(path)?.['properties'] as object | undefined) ?? {})
  }

  #schemaAt(path: readonly PropertyKey[]): Record<string, unknown> | undefined {
    let schemas = [jsonSchemaOf(this.#subject.declaration)]
    for (const step of path) schemas = schemas.flatMap(branchesOf).flatMap((schema) => childOf(schema, step))
    const properties = Object.assign({}, ...schemas.flatMap(branchesOf).map(({ properties }) => properties))
    return schemas[0] && { ...schemas[0], properties }
  }
}

type Schema = Record<string, unknown>

function branchesOf(schema: Schema): Schema[] {
  return (schema['anyOf'] as Schema[] | undefined) ?? [schema]
}

function childOf({ properties, items }: Schema, step: PropertyKey): Schema[] {
  const child = typeof step === 'number' ? items : (properties as Record<string, unknown> | undefined)?.[String(step)]
  return child === undefined ? [] : [child as Schema]
}

// An alternative of another type is the worst fit, since none of its keys has been checked.
function weightOf(issues: readonly Issue[]): number {
  const misfits = issues.some(({ code, path, params }) => {
    return path.length === 0 && (code === 'invalid_type' || params?.['fault'] === 'CONFIG_WRONG_TYPE')
  })
  return issues.length + (misfits ? 100 : 0)
}

/** The beginning of a sentence about a value, such as `rotate.size: `. */
function nameOf(path: readonly PropertyKey[]): string {
  const keys = path.filter((step) => typeof step === 'string')
  return keys.length === 0 ? '' : `${keys.join('.')}: `
}
