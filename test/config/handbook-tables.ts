// The generated parts of HANDBOOK.md and the JSON schema: options, commands, faults, metrics, defects.

import type { Command } from 'commander'
import { faultCodes, type FaultCode } from '../../common/fault-codes.ts'
import { templateFieldTable } from '../../collector/template.ts'
import { defectTable } from '../../common/message/defects.ts'
import { lineFormatTable } from '../../common/message/line-format.ts'
import { dropReasonTable, metricTable } from '../../common/metric.ts'
import { extended, jsonSchemaOf, options, type ZodType } from '../../common/option.ts'
import { adviceFor } from '../../config/advice.ts'
import { destinationOptions, routeDeclaration, topDeclaration } from '../../config/declaration.ts'
import { knownTypes } from '../../config/types.ts'

interface Schema {
  type?: string
  description?: string
  kind?: string
  bound?: string
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: string[]
  additionalProperties?: unknown
  [key: string]: unknown
}

/** The generated text of each section, to be put between its markers. */
export function sections(commands: readonly Command[]): Record<string, string> {
  return {
    commands: commands.map(commandTable).join('\n'),
    top: optionTable(topDeclaration),
    routes: optionTable(routeDeclaration),
    sources: knownTypes.sources.map(typeSection).join('\n'),
    destinations: [everyDestination(), ...knownTypes.destinations.map(typeSection)].join('\n'),
    formats: table(['name', 'a line'], rowsOf(lineFormatTable)),
    fields: table(
      ['field', 'what it gives'],
      rowsOf(templateFieldTable, (field) => `{${field}}`),
    ),
    faults: table(['code', 'what it says', 'what to do'], faultRows()),
    metrics: table(['metric', 'what it counts', 'labels'], metricRows()),
    drops: table(['reason', 'why messages were dropped'], rowsOf(dropReasonTable)),
    defects: table(['code', 'what was wrong'], rowsOf(defectTable)),
  }
}

function rowsOf(described: Readonly<Record<string, string>>, written = (name: string) => name): string[][] {
  return Object.entries(described).map(([name, words]) => [`\`${written(name)}\``, words])
}

/** The handbook with all generated sections replaced. Throws if its markers do not match the sections. */
export function filled(handbook: string, generated: Record<string, string>): string {
  const left = new Set(Object.keys(generated))
  const marker = /(<!-- from the code: (\w+) -->\n)[^]*?(<!-- end -->)/g
  const result = handbook.replaceAll(marker, (_, begin: string, name: string, end: string) => {
    if (!left.delete(name)) throw new Error(`HANDBOOK.md has a section "${name}" that the code does not fill`)
    return `${begin}\n${generated[name].trim()}\n\n${end}`
  })
  if (left.size > 0) throw new Error(`HANDBOOK.md lacks the sections ${[...left].join(', ')}`)
  return result
}

/** The JSON schema of a configuration, for editors. */
export function configurationSchema(): object {
  const top = cleaned(jsonSchemaOf(topDeclaration)) as Schema
  const named = (entry: object) => ({ type: 'object', minProperties: 1, additionalProperties: entry })
  const properties = top.properties!
  Object.assign(properties['sources'], named({ oneOf: knownTypes.sources.map(typeSchema) }))
  Object.assign(properties['destinations'], named({ oneOf: knownTypes.destinations.map(destinationSchema) }))
  Object.assign(properties['filters'], { type: 'object', additionalProperties: { type: 'string' } })
  Object.assign(properties['routes'], { type: 'array', minItems: 1, items: cleaned(jsonSchemaOf(routeDeclaration)) })
  return { ...top, title: 'sluice configuration' }
}

interface KnownType {
  readonly type: string
  readonly about: string
  readonly options: ZodType
}

function typeSchema({ type, about, options }: KnownType): object {
  const { $schema: _, ...schema } = cleaned(jsonSchemaOf(options)) as Schema
  const required = ['type', ...(schema.required ?? [])]
  return { ...schema, description: about, properties: { type: { const: type }, ...schema.properties }, required }
}

const destinationSchema = (known: KnownType) => {
  return typeSchema({ ...known, options: extended(known.options, destinationOptions) })
}

/** Removes what only the handbook needs. */
function cleaned(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(cleaned)
  if (typeof schema !== 'object' || schema === null) return schema
  const entries = Object.entries(schema).filter(([key, value]) => !(isNote(key) && typeof value === 'string'))
  return Object.fromEntries(entries.map(([key, value]) => [key, cleaned(value)]))
}

const isNote = (key: string) => key === 'kind' || key === 'like' || key === 'bound'

function typeSection(known: KnownType): string {
  return `#### \`type: ${known.type}\`\n\n${known.about}\n\n${optionTable(known.options)}`
}

function everyDestination(): string {
  return `#### Every destination\n\nBesides the options of its type:\n\n${optionTable(options(destinationOptions))}`
}

function optionTable(declaration: ZodType): string {
  const rows = optionRows(jsonSchemaOf(declaration), '')
  return rows.length === 0 ? 'It has no options.\n' : table(['option', 'takes', 'default', 'what it does'], rows)
}

function optionRows(schema: Schema, prefix: string): string[][] {
  const { properties = {}, required = [] } = schema
  return Object.entries(properties).flatMap(([name, option]) => {
    const fallback = required.includes(name) && option.default === undefined ? '*must be given*' : defaultOf(option)
    const row = [`\`${prefix}${name}\``, takes(option), fallback, option.description ?? '']
    const inner = (option.anyOf ?? [option]).flatMap((branch) => optionRows(branch, `${prefix}${name}.`))
    return [row, ...inner]
  })
}

function defaultOf({ default: value }: Schema): string {
  if (value === undefined) return ''
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
    return Array.isArray(value) ? 'none' : ''
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function takes(option: Schema): string {
  const { kind, bound, items, properties, anyOf } = option
  if (kind) return bound ? `${kind}, ${bound}` : kind
  if (items) return `a list; each ${takes(items)}`
  if (anyOf) return anyOf.map(takes).join(' or ')
  return properties ? 'a group of options' : 'a group of names'
}

function commandTable(command: Command): string {
  const rows = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, description }) => [`\`${flags}\``, description])
  const args = command.registeredArguments.map((arg) => (arg.required ? ` <${arg.name()}>` : ` [${arg.name()}]`))
  const usage = `\`sluice ${command.name()}${rows.length > 0 ? ' [options]' : ''}${args.join('')}\``
  return `### ${usage}\n\n${command.description()}\n\n${rows.length > 0 ? table(['flag', 'what it does'], rows) : ''}`
}

function faultRows(): string[][] {
  return Object.entries(faultCodes).map(([code, words]) => [`\`${code}\``, words, adviceFor(code as FaultCode) ?? ''])
}

function metricRows(): string[][] {
  return Object.entries(metricTable).map(([name, { help, labels }]) => [`\`${name}\``, help, labels.join(', ')])
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}
