// How sources and destinations declare their options. An option is declared once, next to the code that uses it.
// Everything else is derived from the declaration: its check, the text of its faults, its row in the handbook, the
// JSON schema.
//
//   export const tailOptions = options({
//     paths: list(text('a pattern', 'such as /var/log/app/*.log')).describe('Files to follow.'),
//     read_from: oneOf('start', 'end').prefault('start').describe('Where a file seen for the first time is read from.'),
//     idle: duration({ min: '1s' }).prefault('30s').describe('When a file that grows no more is closed.'),
//     program: text().optional().describe('The program of lines without one.'),
//   })
//   export type TailOptions = OptionsOf<typeof tailOptions>
//
// `.prefault()` takes the default as it is written in YAML, `.optional()` leaves the key out of the result, and an
// option with neither is required. Values carry units, keys do not; results are in ms and bytes.

import { z, type ZodType } from 'zod'
import { nearest } from './expression/problem.ts'
import type { FaultCode } from './fault-codes.ts'
import { Fault } from './fault.ts'

export type { ZodType }

/** The type of the parsed options of a declaration. */
export type OptionsOf<T extends ZodType> = z.output<T>

/** What is wrong with a value, and where in its text (`start` and `end` in UTF-16 units) unless it is the whole value. */
export interface OptionProblem {
  /** A sentence without a full stop that names the value: `30 has no unit; write …`. */
  readonly sentence: string
  /** The value that was probably meant. */
  readonly suggestion?: string
  readonly start?: number
  readonly end?: number
}

/** Thrown by the function that reads an option. */
export class OptionFault extends Fault {
  readonly problems: readonly OptionProblem[]

  constructor(...problems: readonly OptionProblem[]) {
    super('CONFIG_WRONG_VALUE', problems.map(({ sentence }) => sentence).join('; '))
    this.problems = problems
  }
}

/** The `params` of the zod issues that this module raises. */
export interface IssueParams extends Omit<OptionProblem, 'sentence'> {
  readonly fault: FaultCode
}

/** How the handbook, the JSON schema and faults describe a kind of value. */
export interface OptionKind {
  /** The name of the kind with its article: `a duration`. */
  readonly kind: string
  /** Examples for the end of a fault's sentence: `such as 30s, 500ms or 1h30m`. */
  readonly like?: string
  /** An additional restriction: `1s to 1d`. */
  readonly bound?: string
  /** A regular expression for the JSON schema. */
  readonly pattern?: string
  /** The code of its faults; CONFIG_WRONG_VALUE if absent. */
  readonly code?: FaultCode
  /** The problem to report for a number, if a number is a likely mistake. */
  readonly ofNumber?: (value: number) => OptionProblem
}

/**
 * An option that is written as text. `read` throws a `Fault`, preferably an `OptionFault`. A fault with `problems`
 * (those of expressions and templates have them too) is shown at their positions inside the text.
 */
export function textOption<Output>(kind: OptionKind, read: (text: string) => Output): ZodType<Output, string> {
  return option<Output, string>({ ...kind, type: 'string' }, (value) => {
    if (typeof value === 'string') return read(value)
    if (typeof value === 'number' && kind.ofNumber) throw new OptionFault(kind.ofNumber(value))
    throw wrongType(value, kind)
  })
}

/** The options of a component, or of a part of one. An undeclared key is a fault. */
export const options = z.strictObject

/** Extends a declaration made with `options` by more options. */
export function extended(declaration: ZodType, more: Record<string, ZodType>): ZodType<Record<string, unknown>> {
  return (declaration as z.ZodObject).safeExtend(more)
}

/**
 * For `.superRefine()`: when a rule about several options is checked. Without this only if no option has a fault, so that its fault would
 * be hidden; with it as soon as those that it is about have none of their own.
 */
export function about(...keys: readonly string[]): z.core.$ZodSuperRefineParams {
  return {
    when: ({ issues }) =>
      issues.every((issue) => {
        const [key, below] = issue.path ?? []
        // A group is there, whatever is wrong with a key in it. In a list every entry matters.
        if (key !== undefined) return typeof below === 'string' || !keys.includes(String(key))
        return issue.code === 'unrecognized_keys' && !issue.keys.some((unknown) => nearest(unknown, keys) !== undefined)
      }),
  }
}

/**
 * Options as far as they can be read, for values that `declaration` does not accept as a whole. Those with a fault have no meaningful value,
 * and a group with one is as it is before its conversion.
 */
export function readLoosely(declaration: ZodType, given: unknown): unknown {
  return (declaration._zod.run({ value: given, issues: [] }, { async: false }) as { value: unknown }).value
}

/** A list with at least `min` entries. */
export function list<T extends ZodType>(entry: T, min: number = 1): z.ZodArray<T> {
  return min === 0 ? z.array(entry) : z.array(entry).min(min)
}

/** A group with arbitrary names as keys, and one kind of value. */
export function byName<T extends ZodType>(value: T): z.ZodRecord<z.ZodString, T> {
  return z.record(z.string(), value)
}

/** A part that is declared elsewhere, such as the options of a source, which depend on its type. */
export const elsewhere = z.unknown

/** A value of one of several shapes; the reported faults are those of the shape that fits best. */
export const either = z.union

/** The problem of a number where text is wanted that may consist of digits. */
export function numberAsText(value: number): OptionProblem {
  return { sentence: `${value} is a number; quotes make it text`, suggestion: `"${value}"` }
}

/** Non-empty text. */
export function text(kind: string = 'text', like?: string): ZodType<string, string> {
  return textOption({ kind, ofNumber: numberAsText, ...(like !== undefined && { like }) }, (value) => {
    if (value === '') throw new OptionFault({ sentence: `${kind} cannot be empty` })
    return value
  })
}

/** One of several words. */
export function oneOf<const T extends string>(...words: readonly T[]): ZodType<T, T> {
  const kind = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  const read = (value: unknown): T => {
    const word = words.find((known) => known === value)
    if (word !== undefined) return word
    if (typeof value === 'object' || value === undefined) throw wrongType(value, { kind })
    throw new OptionFault({
      sentence: `${shown(value)} is not one of ${kind}`,
      ...(typeof value === 'string' && suggest(value, words)),
    })
  }
  return option<T, T>({ kind, type: 'string', enum: words }, read)
}

/** true or false. */
export function flag(): ZodType<boolean, boolean> {
  return option<boolean, boolean>({ kind: 'true or false', type: 'boolean' }, (value) => {
    if (typeof value === 'boolean') return value
    const meant =
      typeof value === 'string' && { yes: 'true', on: 'true', no: 'false', off: 'false' }[value.toLowerCase()]
    if (meant) throw new OptionFault({ sentence: `${shown(value)} is text here`, suggestion: meant })
    if (value === 'true' || value === 'false')
      throw new OptionFault({ sentence: `"${value}" is text here; write it without quotes` })
    throw wrongType(value, { kind: 'true or false' })
  })
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number): ZodType<number, number> {
  const kind = { kind: 'a whole number', bound: `${min} to ${max}` }
  return option<number, number>({ ...kind, type: 'integer', minimum: min, maximum: max }, (value) => {
    if (typeof value !== 'number') throw wrongType(value, kind)
    if (!Number.isInteger(value)) throw new OptionFault({ sentence: `${value} is not a whole number` })
    if (value < min || value > max) throw new OptionFault({ sentence: `${value} is not within ${min} to ${max}` })
    return value
  })
}

type OptionMeta = OptionKind & Record<string, unknown>

/** An option of any type. `read` is given the value from YAML, which may be `undefined` or `null`. */
function option<Output, Input>(meta: OptionMeta, read: (value: unknown) => Output): ZodType<Output, Input> {
  const { ofNumber: _, code = 'CONFIG_WRONG_VALUE', ...schemaMeta } = meta
  const checked = z.unknown().transform((value, context): Output => {
    try {
      return read(value)
    } catch (error) {
      const fault = codeOf(error, code)
      for (const { sentence, ...place } of problemsOf(error)) {
        context.addIssue({ code: 'custom', message: sentence, params: { fault, ...place } satisfies IssueParams })
      }
      return z.NEVER
    }
  })
  return checked.meta(schemaMeta) as unknown as ZodType<Output, Input>
}

function problemsOf(error: unknown): readonly OptionProblem[] {
  if (!(error instanceof Fault)) throw error
  return 'problems' in error ? (error.problems as readonly OptionProblem[]) : [{ sentence: error.detail }]
}

/** The code of a fault for an option. Errors in templates have a code of their own, whichever option they occur in. */
function codeOf(error: unknown, code: FaultCode): FaultCode {
  if (error instanceof WrongType) return 'CONFIG_WRONG_TYPE'
  return error instanceof Fault && error.code === 'CONFIG_TEMPLATE' ? error.code : code
}

class WrongType extends OptionFault {}

function wrongType(value: unknown, { kind, like }: OptionKind): WrongType {
  const wanted = like === undefined ? kind : `${kind} ${like}`
  if (value === undefined || value === null)
    return new WrongType({ sentence: `a value is missing here; write ${wanted}` })
  return new WrongType({ sentence: `expected ${wanted}, found ${shown(value)}` })
}

/** A value as shown in a fault. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a group of keys'
  const words = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return words.length > 60 ? `${words.slice(0, 59)}…` : words
}

function suggest(typed: string, words: readonly string[]): { suggestion?: string } {
  const suggestion = nearest(typed, words)
  return suggestion === undefined ? {} : { suggestion }
}

/** The JSON schema of a declaration, for values as written in YAML. `kind` and `bound` are included for the handbook's tables. */
export function jsonSchemaOf(declaration: ZodType): Record<string, unknown> {
  let schema = schemas.get(declaration)
  if (!schema) schemas.set(declaration, (schema = z.toJSONSchema(declaration, { io: 'input', unrepresentable: 'any' })))
  return schema
}

// Each fault of a missing or unknown key asks for it.
const schemas = new WeakMap<ZodType, Record<string, unknown>>()
