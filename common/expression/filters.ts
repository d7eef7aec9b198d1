// `filter:NAME`: an expression by its name. Names are resolved once, before anything is compiled.

import type { Expression, FilterReference } from './ast.ts'
import { ExpressionFault, nearest, type Problem } from './problem.ts'

/** The named filters, as parsed. */
export interface Filters {
  get(name: string): Expression | undefined
  /** All names, for a suggestion. */
  keys(): Iterable<string>
}

/**
 * The expression with each reference's target in it, and theirs in them. `text` is what the expression was parsed from
 * (a fault points into it), `name` its own where it is a filter itself. Throws an ExpressionFault for names that do not
 * exist and for a filter that leads back to itself. What is wrong inside another filter is no fault here: it is
 * reported once, when that filter is resolved.
 */
export function resolveFilters(expression: Expression, filters: Filters, text: string, name?: string): Expression {
  const resolver = new Resolver(filters, name)
  const resolved = resolver.resolve(expression, [], undefined)
  if (resolver.problems.length > 0) throw new ExpressionFault(text, resolver.problems)
  return resolved
}

class Resolver {
  readonly problems: Problem[] = []
  readonly #filters: Filters
  readonly #own: string | undefined

  constructor(filters: Filters, own: string | undefined) {
    this.#filters = filters
    this.#own = own
  }

  /** `path` names the filters that led here, `outer` is the first of these references, which stands in the text. */
  resolve(expression: Expression, path: readonly string[], outer: FilterReference | undefined): Expression {
    switch (expression.kind) {
      case 'and':
      case 'or':
        return { kind: expression.kind, parts: expression.parts.map((part) => this.resolve(part, path, outer)) }
      case 'not':
        return { kind: 'not', part: this.resolve(expression.part, path, outer) }
      case 'filter':
        return { ...expression, target: this.#targetOf(expression, path, outer ?? expression) }
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

  #targetOf(reference: FilterReference, path: readonly string[], outer: FilterReference): Expression {
    const { name } = reference
    const { start, end } = outer
    if (name === this.#own) {
      const way = [name, ...path, name].join(' → ')
      this.problems.push({ start, end, sentence: `filter "${name}" leads back to itself: ${way}` })
      return { kind: 'all' }
    }
    const target = this.#filters.get(name)
    if (target && !path.includes(name)) return this.resolve(target, [...path, name], outer)
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
