// `filter:NAME`: an expression by its name. Names are resolved once, before anything is compiled.

import type { Expression, FilterReference } from './ast.ts'
import { ExpressionFault, nearest, type Problem } from './problem.ts'

export interface Filters {
  /** The filter of that name; undefined where there is none. */
  get(name: string): Expression | undefined
  /** All names, for a suggestion. */
  keys(): Iterable<string>
}

/**
 * The expression with each reference's target in it, and theirs in them. `text` is what the expression was parsed from
 * (a fault points into it), `name` its own name where it is a filter itself. Throws an ExpressionFault for names that
 * do not exist and for filters that lead back to themselves; a filter with such a fault is reported where it stands,
 * so that a reference to it is fine here.
 */
export function resolveFilters(expression: Expression, filters: Filters, text: string, name?: string): Expression {
  const problems: Problem[] = []
  const resolved = new Resolver(filters, problems).resolve(expression, name === undefined ? [] : [name], undefined)
  if (problems.length > 0) throw new ExpressionFault(text, problems)
  return resolved
}

class Resolver {
  readonly #filters: Filters
  readonly #problems: Problem[]

  constructor(filters: Filters, problems: Problem[]) {
    this.#filters = filters
    this.#problems = problems
  }

  /** `path` names the filters that are being resolved; `outer` is the reference in the text that led here. */
  resolve(expression: Expression, path: readonly string[], outer: FilterReference | undefined): Expression {
    switch (expression.kind) {
      case 'and':
      case 'or':
        return { kind: expression.kind, parts: expression.parts.map((part) => this.resolve(part, path, outer)) }
      case 'not':
        return { kind: 'not', part: this.resolve(expression.part, path, outer) }
      case 'filter':
        return this.#resolveReference(expression, path, outer)
      default:
        return expression
    }
  }

  #resolveReference(reference: FilterReference, path: readonly string[], outer = reference): Expression {
    const { name } = reference
    const { start, end } = outer
    const target = this.#filters.get(name)
    const inner = [...path, name]
    if (path.includes(name)) {
      const sentence = `filter "${name}" leads back to itself: ${inner.slice(path.indexOf(name)).join(' → ')}`
      // A cycle that this text is no part of is reported for the filters that are.
      if (outer === reference || path[0] === name) this.#problems.push({ start, end, sentence })
      return { ...reference, target: { kind: 'all' } }
    }
    if (!target) {
      const suggestion = nearest(name, this.#filters.keys())
      const sentence = `there is no filter "${name}"`
      if (outer === reference) this.#problems.push({ start, end, sentence, ...(suggestion && { suggestion }) })
      return { ...reference, target: { kind: 'all' } }
    }
    return { ...reference, target: this.resolve(target, inner, outer) }
  }
}
