// What an expression means, apart from how it was written: one tree, which `parse.ts` makes, `format.ts` prints and the
// compilers read (`predicate.ts` for messages as bytes, `conditions.ts` for skipping what cannot match).

import type { TimeSpec } from './time.ts'

/** The fields of a message that a value can be asked of, besides `sd.ID.PARAM`. */
export const plainFields = [
  ...['facility', 'severity', 'host', 'program', 'pid', 'msgid', 'message', 'from', 'source'],
] as const

export type PlainField = 'facility' | 'severity' | 'host' | 'program' | 'pid' | 'msgid' | 'message' | 'from' | 'source'

/** `sd.ID.PARAM`, or `sd.ID` where only the element's presence is asked. */
export interface StructuredField {
  readonly id: string
  readonly param?: string
}

export type Field = PlainField | StructuredField

/** How two values compare. For severities "greater" is worse, towards emerg, as people say it and not as its codes go. */
export type Comparison = '>=' | '<=' | '>' | '<'

/** One thing that a field's value may be; a field with several is selected by any of them. */
export type Value =
  /** `*`: the field is there. */
  | { readonly kind: 'exists' }
  /** The whole field; of `message`: a part of it. Facilities and severities by their proper names. */
  | { readonly kind: 'text'; readonly text: string }
  /** `=text`: the whole field, also of `message`. */
  | { readonly kind: 'equal'; readonly text: string }
  /** The whole field, with `*` for anything, `?` for one character, and `\` before what stands for itself. */
  | { readonly kind: 'glob'; readonly pattern: string }
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
  | { readonly kind: 'compare'; readonly comparison: Comparison; readonly text: string }
  /** Both ends belong to it, and either may be the lower one. */
  | { readonly kind: 'range'; readonly from: string; readonly to: string }

/** `auth,authpriv.!=info`: one part of a classic selector. */
export interface SelectorPart {
  /** Facility codes, or all. */
  readonly facilities: '*' | readonly number[]
  /** `!`: takes away what it names. */
  readonly negated: boolean
  /** `=`: this severity alone, not the more severe ones with it. */
  readonly only: boolean
  /** A severity code, all, or none. */
  readonly severity: number | '*' | 'none'
}

export type Expression =
  /** Everything: an empty expression, or `*`. */
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  /** A part of the message, without case where it is all lower case. */
  | { readonly kind: 'text'; readonly text: string }
  /** Found anywhere in the message; with case unless `ignoreCase`. */
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
  | { readonly kind: 'field'; readonly field: Field; readonly values: readonly Value[] }
  /** The message's time is not before `since`, not after `until`. */
  | { readonly kind: 'since' | 'until'; readonly text: string; readonly time: TimeSpec }
  | FilterReference
  | { readonly kind: 'selector'; readonly parts: readonly SelectorPart[] }

/** `filter:NAME`. */
export interface FilterReference {
  readonly kind: 'filter'
  readonly name: string
  /** Where the name stands in the expression's text. */
  readonly start: number
  readonly end: number
  /** What it stands for, once `resolveFilters` has put it there. */
  readonly target?: Expression
}

/** Smart case: whether a word is looked for without regard to case, which is when nothing in it is a capital. */
export function ignoresCase(text: string): boolean {
  return text === text.toLowerCase()
}
