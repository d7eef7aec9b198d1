// Parses YAML (and so JSON) to a tree of values with their positions. What makes a configuration hard to read, or to report faults
// in, is refused: anchors, aliases, merge keys, tags, several documents in one file.

import { Composer, isAlias, isMap, isScalar, isSeq, Parser, visit, type CST, type Document, type Node } from 'yaml'
import { CONFIG_DEPTH_MAX } from '../common/limits.ts'
import type { ConfigFault } from './source-text.ts'

/** A range of the text: offsets in UTF-16 units, half open. */
export interface TextRange {
  readonly start: number
  readonly end: number
}

export interface YamlScalar extends TextRange {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  readonly style: 'plain' | 'single' | 'double' | 'block'
}

export interface YamlList extends TextRange {
  readonly kind: 'list'
  readonly items: readonly YamlNode[]
}

export interface YamlMap extends TextRange {
  readonly kind: 'map'
  /** In the order of the file. A duplicate key has its first value. */
  readonly entries: ReadonlyMap<string, YamlEntry>
  /** Whether a key is not valid YAML, so that it is unknown which keys are missing. */
  readonly hasBrokenKey?: boolean
}

export interface YamlEntry {
  readonly key: TextRange
  readonly value: YamlNode
}

export type YamlNode = YamlScalar | YamlList | YamlMap

/** The result of parsing. `root` is absent if the text is empty, or too broken to be checked any further. */
export interface ParsedYaml {
  readonly root?: YamlNode
  readonly faults: ConfigFault[]
  /** Scalars that are not valid YAML, in a text that is readable otherwise. Their value is unknown. */
  readonly broken: readonly TextRange[]
}

// Errors that do not affect anything outside of the scalar.
const WITHIN_A_SCALAR = new Set(['BAD_DQ_ESCAPE', 'BAD_SCALAR_START'])

/** Parses a text. */
export function parseYaml(text: string): ParsedYaml {
  const options = { prettyErrors: false, uniqueKeys: false, stringKeys: false, logLevel: 'silent' } as const
  const tokens = [...new Parser().parse(text)]
  const tooDeep = placeTooDeep(tokens)
  if (tooDeep !== undefined)
    return { faults: [{ code: 'CONFIG_SYNTAX', sentence: nestedTooDeeply, at: tooDeep }], broken: [] }
  const documents = [...new Composer(options).compose(tokens)] as Document.Parsed[]
  if (documents.length === 0) return { faults: [], broken: [] }
  const [document, second] = documents
  // After an error the parser reports every following token as unexpected, and brackets that end nowhere behind a quote that does not
  // end: these are not faults of their own.
  const errors = documents
    .flatMap(({ errors }) => errors)
    .filter(({ code, pos }, index, all) => {
      return index === 0 || (code !== 'UNEXPECTED_TOKEN' && all[index - 1].pos[0] !== pos[0])
    })
  const faults = errors.map(({ code, message, pos }) =>
    isOpenQuote(message)
      ? { code: 'CONFIG_SYNTAX' as const, sentence: 'a quote is not closed', at: quoteBefore(documents, pos[0]) }
      : syntaxFault(text, code, message, pos[0]),
  )
  if (errors.some(({ code }) => !WITHIN_A_SCALAR.has(code))) return { faults, broken: [] }
  const reader = new TreeReader(
    text,
    errors.map(({ pos }) => pos[0]),
  )
  if (second) reader.refuse(second.range[0], 'a second document begins here; a configuration has only one')
  const root = document.contents === null ? undefined : reader.read(document.contents)
  return { ...(root && { root }), faults: [...faults, ...reader.faults], broken: reader.broken }
}

/**
 * Where the tokens are nested more deeply than allowed. What follows goes through the tree by recursion, and if V8 compiles a regular
 * expression when nothing is left of the stack, that ends the process.
 */
function placeTooDeep(tokens: readonly CST.Token[]): number | undefined {
  let level = tokens.flatMap((token) => (token.type === 'document' ? collection(token.value) : []))
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === CONFIG_DEPTH_MAX) return level[0].offset
    level = level.flatMap(({ items }) => items.flatMap(({ key, value }) => [...collection(key), ...collection(value)]))
  }
  return undefined
}

type Collection = CST.BlockMap | CST.BlockSequence | CST.FlowCollection

const collection = (token: CST.Token | null | undefined): Collection[] => (token && 'items' in token ? [token] : [])

/** The plain value of a tree. */
export function valueOf(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(valueOf)
  const object = Object.create(null) as Record<string, unknown>
  for (const [key, { value }] of node.entries) object[key] = valueOf(value)
  return object
}

class TreeReader {
  readonly faults: ConfigFault[] = []
  readonly broken: TextRange[] = []
  readonly #text: string
  readonly #errors: readonly number[]
  #errorsPassed = 0

  /** `errors` are the offsets of errors within scalars. */
  constructor(text: string, errors: readonly number[]) {
    this.#text = text
    this.#errors = errors.toSorted((a, b) => a - b)
  }

  refuse(at: number, sentence: string): void {
    this.faults.push({ code: 'CONFIG_SYNTAX', sentence, at })
  }

  read(node: Node | null, at: number = 0): YamlNode {
    const [start, end] = node?.range ?? [at, at]
    const range = { start, end }
    if (isAlias(node)) {
      this.refuse(start, `"*" begins an alias, which a configuration does not have; quotes make it text`)
      return { kind: 'scalar', value: null, style: 'plain', ...range }
    }
    if (node) this.#refuseProperties(node, start)
    if (isMap(node)) return { kind: 'map', ...this.#entries(node.items as Pair[], end), ...range }
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => this.read(item as Node, end)), ...range }
    this.#noteBroken(range)
    return { kind: 'scalar', ...scalarOf(node), ...range }
  }

  // Relies on scalars being read in the order of the text.
  #noteBroken({ start, end }: TextRange): boolean {
    while (this.#errors[this.#errorsPassed] < start) this.#errorsPassed += 1
    const isBroken = this.#errors[this.#errorsPassed] < end
    if (isBroken) this.broken.push({ start, end })
    return isBroken
  }

  // Anchors and tags come before the node that they belong to.
  #refuseProperties(node: Node, start: number): void {
    const anchor = 'anchor' in node && node.anchor
    if (anchor) {
      const at = this.#text.lastIndexOf(`&${anchor}`, start)
      this.refuse(at, `"&" begins an anchor, which a configuration does not have; quotes make it text`)
    }
    if (node.tag !== undefined && this.#text.lastIndexOf('!', start) >= 0) {
      this.refuse(
        this.#text.lastIndexOf('!', start),
        `"!" begins a tag, which a configuration does not have; quotes make it text`,
      )
    }
  }

  #entries(pairs: readonly Pair[], end: number): Pick<YamlMap, 'entries' | 'hasBrokenKey'> {
    const entries = new Map<string, YamlEntry>()
    let hasBrokenKey = false
    for (const { key, value } of pairs) {
      const range = key?.range ? { start: key.range[0], end: key.range[1] } : { start: end, end }
      if (!isScalar(key)) {
        this.refuse(range.start, 'a key is a name; lists, groups and aliases cannot be keys')
        continue
      }
      if (this.#noteBroken(range)) hasBrokenKey = true
      const name = String(key.value)
      if (value === null && MISSING_BLANK.test(name) && isPlain(key)) {
        this.refuse(range.start, missingBlank)
        hasBrokenKey = true
        continue
      }
      if (name === '<<') this.refuse(range.start, '"<<" merges keys from elsewhere, which a configuration does not do')
      else if (entries.has(name)) this.refuse(range.start, `"${name}" appears twice`)
      else entries.set(name, { key: range, value: this.read(value, range.end) })
    }
    return { entries, hasBrokenKey }
  }
}

interface Pair {
  readonly key: Node | null
  readonly value: Node | null
}

const styles: Record<string, YamlScalar['style']> = {
  ...{ QUOTE_SINGLE: 'single', QUOTE_DOUBLE: 'double', BLOCK_LITERAL: 'block', BLOCK_FOLDED: 'block' },
}

function scalarOf(node: Node | null): Pick<YamlScalar, 'value' | 'style'> {
  if (!isScalar(node)) return { value: null, style: 'plain' }
  const { value, type } = node
  const style = styles[type ?? 'PLAIN'] ?? 'plain'
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return { value, style }
  }
  return { value: JSON.stringify(value), style }
}

const isPlain = ({ type }: { readonly type?: string }) => type === 'PLAIN'

const isOpenQuote = (message: string) => /closing .quote/.test(message)

/** Where the quoted text begins that ends at `end`: the parser reports a quote that is not closed at its end. */
function quoteBefore(documents: readonly Document.Parsed[], end: number): number {
  let start = end
  for (const document of documents) {
    visit(document, { Scalar: (_, { range }) => void (range?.[1] === end && (start = range[0])) })
  }
  return start
}

/** `type:file`: without a blank behind it, a colon is a part of the text. */
const MISSING_BLANK = /^[\w-]+:(?!\/\/)\S/
const missingBlank = 'a blank is missing after the colon'

const nestedTooDeeply = 'lists and groups are nested too deeply here'

const syntaxSentences: Record<string, string> = {
  TAB_AS_INDENT: 'a tab indents here; YAML is indented with blanks',
  BAD_DQ_ESCAPE: 'there is no such escape in double quotes; single quotes take a backslash as it is',
  BAD_INDENT: 'the indentation does not match that of the group',
  BAD_SCALAR_START: 'an unquoted value cannot begin with this character; quotes make it text',
  BLOCK_AS_IMPLICIT_KEY: 'a value with a colon and a blank needs quotes, or a key is indented wrongly',
  BLOCK_IN_FLOW: 'an indented block is not allowed inside brackets',
  MULTILINE_IMPLICIT_KEY: 'a key continues over several lines; a colon or a quote is missing',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  BAD_ALIAS: '"*" begins an alias, which a configuration does not have; quotes make it text',
  TAG_RESOLVE_FAILED: '"!" begins a tag, which a configuration does not have; quotes make it text',
  BAD_DIRECTIVE: '"%" begins a directive, which a configuration does not have; quotes make it text',
}

function syntaxFault(text: string, code: string, message: string, offset: number): ConfigFault {
  const sentence = sentenceAt(text, code, message, offset) ?? sentenceOf(code, message)
  // Something missing at the end of the file is reported after its last character.
  return { code: 'CONFIG_SYNTAX', sentence, at: Math.min(offset, text.trimEnd().length) }
}

/** What is wrong where the text tells more than the parser; else undefined. */
function sentenceAt(text: string, code: string, message: string, offset: number): string | undefined {
  const isInText = code === 'UNEXPECTED_TOKEN' && /^\S[{[]/.test(text.slice(Math.max(0, offset - 1), offset + 1))
  if (isInText) return 'a value with a bracket in it needs quotes here'
  if (message.startsWith('Implicit ') && MISSING_BLANK.test(text.slice(offset))) return missingBlank
  const isFirstInLine = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset).trim() === ''
  if (code !== 'BLOCK_IN_FLOW' || isFirstInLine) return undefined
  return 'a comma is missing after this, or it has a colon and a blank, and needs quotes'
}

function sentenceOf(code: string, message: string): string {
  const [, missing] = /end with an? ([}\]])/.exec(message) ?? []
  if (missing !== undefined) return `a bracket is not closed: "${missing}" is missing`
  if (/at node end/.test(message)) return 'the value ends before this; a comma, or quotes around all of it, are missing'
  if (/flow-(map|seq)-end/.test(message)) return 'a bracket is closed here that was never opened'
  if (/^Implicit map keys? need/.test(message)) return 'a key needs a colon and a value'
  return syntaxSentences[code] ?? `this is not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
}

/** The offset of the value at a path, or of its deepest ancestor that exists. */
export function offsetOf(root: YamlNode, path: readonly (string | number)[]): number {
  let node = root
  for (const step of path) {
    const next: YamlNode | undefined =
      node.kind === 'map'
        ? node.entries.get(String(step))?.value
        : node.kind === 'list'
          ? node.items[Number(step)]
          : undefined
    if (!next) return node.start
    node = next
  }
  return node.start
}
