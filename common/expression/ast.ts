// The syntax tree of an expression. `parse.ts` builds it, and two compilers read it: `predicate.ts`, which tests messages, and
// `conditions.ts`, which lets a search skip blocks that cannot match.

import type { TimeSpec } from './time.ts'

/** The fields of a message that an expression can test, besides `sd.ID.PARAM`. */
export const plainFields = [
  ...['facility', 'severity', 'host', 'program', 'pid', 'msgid', 'message', 'from', 'source'],
] as const

export type PlainField = 'facility' | 'severity' | 'host' | 'program' | 'pid' | 'msgid' | 'message' | 'from' | 'source'

/** `sd.ID.PARAM`; or `sd.ID`, which tests only whether the element is present. */
export interface StructuredField {
  readonly id: string
  readonly param?: string
}

export type Field = PlainField | StructuredField

/** How two values compare. For severities, "greater" means more severe (towards emerg), although the codes go the other way. */
export type Comparison = '>=' | '<=' | '>' | '<'

/** One value that a field is tested for. If there are several, any of them may match. */
export type Value =
  /** `*`: the field is present. */
  | { readonly kind: 'exists' }
  /** Matches the whole field, but any part of `message`. Facilities and severities are given by their canonical names. */
  | { readonly kind: 'text'; readonly text: string }
  /** `=text`: matches the whole field, also for `message`. */
  | { readonly kind: 'equal'; readonly text: string }
  /** Matches the whole field; `*` is any text, `?` one character, and `\` escapes them. */
  | { readonly kind: 'glob'; readonly pattern: string }
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
  | { readonly kind: 'compare'; readonly comparison: Comparison; readonly text: string }
  /** Includes both ends, which may be in either order. */
  | { readonly kind: 'range'; readonly from: string; readonly to: string }

/** `auth,authpriv.!=info`: one part of a classic selector. */
export interface SelectorPart {
  /** Facility codes, or `*` for all. */
  readonly facilities: '*' | readonly number[]
  /** `!`: removes these severities from the selection. */
  readonly negated: boolean
  /** `=`: only this severity, without the more severe ones. */
  readonly only: boolean
  /** A severity code, all, or none. */
  readonly severity: number | '*' | 'none'
}

export type Expression =
  /** Matches everything: an empty expression, or `*`. */
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  /** Occurs anywhere in the message. Case is ignored if the text has no capital (smart case). */
  | { readonly kind: 'text'; readonly text: string }
  /** Matches anywhere in the message; case-sensitive unless `ignoreCase`. */
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
  | { readonly kind: 'field'; readonly field: Field; readonly values: readonly Value[] }
  /** The time of the message is at or after `since`, at or before `until`. */
  | { readonly kind: 'since' | 'until'; readonly text: string; readonly time: TimeSpec }
  | FilterReference
  | { readonly kind: 'selector'; readonly parts: readonly SelectorPart[] }

/** `filter:NAME`. */
export interface FilterReference {
  readonly kind: 'filter'
  readonly name: string
  /** Where the name is in the text of the expression: `[start, end)`. */
  readonly start: number
  readonly end: number
  /** The expression of that filter, set by `resolveFilters`. */
  readonly target?: Expression
}

/** Smart case: a text that has no capital is searched for without regard to case. */
export function ignoresCase(text: string): boolean {
  return text === text.toLowerCase()
}
