// Resolves `filter:NAME` references to named expressions. This is done once, before an expression is compiled.

import { EXPRESSION_LEVELS_MAX, EXPRESSION_TERMS_MAX } from '../limits.ts'
import type { Expression, FilterReference } from './ast.ts'
import { ExpressionFault, nearest, type Problem } from './problem.ts'

/** The named filters, as parsed. */
export interface Filters {
  get(name: string): Expression | undefined
  /** All names, for a suggestion. */
  keys(): Iterable<string>
}

/**
 * Returns the expression with the target of every reference set, recursively. `text` is what the expression was parsed from (faults
 * point into it); `name` is its own name if it is a filter itself. Throws an ExpressionFault for unknown names, for a filter that
 * refers to itself, directly or not, and if the expression becomes too large or too deep with its filters. Mistakes inside other
 * filters are not reported here, but once, when that filter is resolved.
 */
export function resolveFilters(expression: Expression, filters: Filters, text: string, name?: string): Expression {
  const resolver = new Resolver(filters, name)
  const resolved = resolver.resolve(expression, [], undefined, 1)
  if (resolver.problems.length > 0) throw new ExpressionFault(text, resolver.problems)
  return resolved
}

class Resolver {
  readonly problems: Problem[] = []
  readonly #filters: Filters
  readonly #own: string | undefined
  #terms = 0
  #isTooLarge = false

  constructor(filters: Filters, own: string | undefined) {
    this.#filters = filters
    this.#own = own
  }

  /**
   * `path` names the filters that led here. `outer` is the first of these references, the one that is in the text. `level` is the
   * nesting depth of the expression.
   */
  resolve(
    expression: Expression,
    path: readonly string[],
    outer: FilterReference | undefined,
    level: number,
  ): Expression {
    this.#terms += 1
    if (outer && this.#exceeds(outer, level)) return { kind: 'all' }
    const part = (part: Expression) => this.resolve(part, path, outer, level + 1)
    switch (expression.kind) {
      case 'and':
      case 'or':
        return { kind: expression.kind, parts: expression.parts.map(part) }
      case 'not':
        return { kind: 'not', part: part(expression.part) }
      case 'filter':
        return { ...expression, target: this.#targetOf(expression, path, outer ?? expression, level + 1) }
      case 'all':
      case 'text':
      case 'regex':
      case 'field':
      case 'since':
      case 'until':
      case 'selector':
        return expression
    }
  }

  // A chain of filters that each refer to the next one twice grows exponentially.
  #exceeds({ name, start, end }: FilterReference, level: number): boolean {
    if (this.#isTooLarge) return true
    const isDeep = level > EXPRESSION_LEVELS_MAX
    if (!isDeep && this.#terms <= EXPRESSION_TERMS_MAX) return false
    const excess = isDeep ? `${EXPRESSION_LEVELS_MAX} terms inside one another` : `${EXPRESSION_TERMS_MAX} terms`
    this.problems.push({ start, end, sentence: `filter "${name}" leads through others to more than ${excess}` })
    this.#isTooLarge = true
    return true
  }

  #targetOf(reference: FilterReference, path: readonly string[], outer: FilterReference, level: number): Expression {
    const { name } = reference
    const { start, end } = outer
    if (name === this.#own) {
      const way = [name, ...path, name].join(' → ')
      this.problems.push({ start, end, sentence: `filter "${name}" leads back to itself: ${way}` })
      return { kind: 'all' }
    }
    const target = this.#filters.get(name)
    if (target && !path.includes(name)) return this.resolve(target, [...path, name], outer, level)
    if (!target && outer === reference) {
      const suggestion = nearest(name, this.#filters.keys())
      this.problems.push({
        ...{ start, end, sentence: `there is no filter "${name}"` },
        ...(suggestion !== undefined && { suggestion }),
      })
    }
    return { kind: 'all' }
  }
}
