// The option kit: how sources and destinations declare what they take. An option is declared once, beside the code that
// uses it, and everything else comes from there: its check, its fault's words, the handbook's row, the JSON schema.
//
//   export const tailOptions = options({
//     paths: list(text('a pattern', 'such as /var/log/app/*.log')).describe('Files to follow.'),
//     read_from: oneOf('start', 'end').prefault('start').describe('Where a file seen for the first time is read from.'),
//     idle: duration({ min: '1s' }).prefault('30s').describe('When a file that grows no more is closed.'),
//     program: text().optional().describe('The program of lines without one.'),
//   })
//   export type TailOptions = OptionsOf<typeof tailOptions>
//
// `.prefault()` takes the default as it would be written in YAML, `.optional()` leaves the key out of the result, and what
// has neither must be given. Values carry units, keys do not; what comes out is in ms and bytes.

import { z, type ZodType } from 'zod'
import { nearest } from './expression/problem.ts'
import type { FaultCode } from './fault-codes.ts'
import { Fault } from './fault.ts'

export type { ZodType }

/** What parsing a declaration gives. */
export type OptionsOf<T extends ZodType> = z.output<T>

/** What is wrong with a value, and where in its text (UTF-16 units), if not with all of it. */
export interface OptionProblem {
  /** A sentence without its full stop, that names the value: `30 has no unit; write …`. */
  readonly sentence: string
  /** What was probably meant. */
  readonly suggestion?: string
  readonly start?: number
  readonly end?: number
}

/** Thrown by the reader of an option. */
export class OptionFault extends Fault {
  readonly problems: readonly OptionProblem[]

  constructor(...problems: readonly OptionProblem[]) {
    super('CONFIG_WRONG_VALUE', problems.map(({ sentence }) => sentence).join('; '))
    this.problems = problems
  }
}

/** What stands in the `params` of the issues that this kit raises. */
export interface IssueParams extends Omit<OptionProblem, 'sentence'> {
  readonly fault: FaultCode
}

/** What handbook and JSON schema say of a kind of value. */
export interface OptionKind {
  /** With its article: `a duration`. */
  readonly kind: string
  /** Closes the sentence of a fault: `such as 30s, 500ms or 1h30m`. */
  readonly like?: string
  /** What it must keep to besides being of its kind: `1s to 1d`. */
  readonly bound?: string
  /** A regular expression for the JSON schema. */
  readonly pattern?: string
  /** The code of its faults; CONFIG_WRONG_VALUE where absent. */
  readonly code?: FaultCode
  /** What a number gets told, where it is a likely slip. */
  readonly ofNumber?: (value: number) => OptionProblem
}

/**
 * An option that is written as text. `read` throws a Fault, best an `OptionFault`; a fault with `problems` (those of
 * expressions and templates have them too) is shown at their places inside the text.
 */
export function textOption<Output>(kind: OptionKind, read: (text: string) => Output): ZodType<Output, string> {
  return option<Output, string>({ ...kind, type: 'string' }, (value) => {
    if (typeof value === 'string') return read(value)
    if (typeof value === 'number' && kind.ofNumber) throw new OptionFault(kind.ofNumber(value))
    throw wrongType(value, kind)
  })
}

/** The options of a component or of a part of one; keys that are not declared are faults. */
export const options = z.strictObject

/** A declaration of `options` with more options. */
export function extended(declaration: ZodType, more: Record<string, ZodType>): ZodType<Record<string, unknown>> {
  return (declaration as z.ZodObject).safeExtend(more)
}

/** A list with at least `min` entries, 1 unless told otherwise. */
export function list<T extends ZodType>(entry: T, min: number = 1): z.ZodArray<T> {
  return min === 0 ? z.array(entry) : z.array(entry).min(min)
}

/** A group whose keys are free names, with a value of one kind each. */
export function byName<T extends ZodType>(value: T): z.ZodRecord<z.ZodString, T> {
  return z.record(z.string(), value)
}

/** A part that is declared elsewhere, such as the options of a source, which depend on its type. */
export const elsewhere = z.unknown

/** One of several shapes; the faults shown are those of the shape that fits best. */
export const either = z.union

/** Text that is not empty. */
export function text(kind: string = 'text', like?: string): ZodType<string, string> {
  const ofNumber = (value: number) => ({
    sentence: `${value} is a number; quotes make it text`,
    suggestion: `"${value}"`,
  })
  return textOption({ kind, ofNumber, ...(like !== undefined && { like }) }, (value) => {
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
    throw wrongType(value, { kind: 'true or false' })
  })
}

/** A whole number of things. */
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

/** An option of any type: `read` gets what YAML gave, also `undefined` and `null`. */
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

/** What is thrown for a template says so by itself, whatever option it is written in. */
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

/** A value as a fault shows it. */
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

/** The JSON schema of a declaration, as people write it. `kind` and `bound` stand in it for the handbook's tables. */
export function jsonSchemaOf(declaration: ZodType): Record<string, unknown> {
  return z.toJSONSchema(declaration, { io: 'input', unrepresentable: 'any' })
}
