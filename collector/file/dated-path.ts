// Path templates with the date of receipt, such as `{host}/{date}.log`: which files they have produced, and for which day.
//
// A file of a past day gets no more lines and may be renamed, compressed and removed. So it has to be certain that it is one: its path
// has to match the template piece by piece, and the template has to give the same path again for the values that were matched. A name
// that `{host}` can never give (`.hidden`), or two dates that differ, do not pass.

import { receiptParts, type TemplateField } from '../template.ts'
import { escaped, patternOf, piecesOf } from './path-ownership.ts'
import { renderPath, type PathTemplate } from './path-template.ts'

/** Whether the paths of a template contain a whole date. */
export function isDated({ fields }: PathTemplate): boolean {
  return fields.includes('date') || (['year', 'month', 'day'] as const).every((field) => fields.includes(field))
}

export class DatedPath {
  readonly #template: PathTemplate
  readonly #pattern: RegExp
  /** The fields in the order of their groups. */
  readonly #fields: readonly TemplateField[]

  /** Of a template for which `isDated` is true. */
  constructor(template: PathTemplate) {
    const fields: TemplateField[] = []
    const groupOf = (field: TemplateField) => {
      const known = fields.indexOf(field)
      if (known >= 0) return String.raw`\k<f${known}>`
      return `(?<f${fields.push(field) - 1}>${patternOf(field)})`
    }
    const pieces = piecesOf(template).map((piece) =>
      typeof piece === 'string' ? escaped(piece) : groupOf(piece.field),
    )
    this.#template = template
    this.#pattern = new RegExp(`^${pieces.join('')}$`)
    this.#fields = fields
  }

  /** The day in a path (`20261123`); undefined if the template cannot have produced the path. */
  dayOf(path: string): string | undefined {
    const groups = this.#pattern.exec(path)?.groups
    if (!groups) return undefined
    const valueOf = (field: TemplateField) => groups[`f${this.#fields.indexOf(field)}`] ?? ''
    const date = valueOf('date') || [valueOf('year'), valueOf('month'), valueOf('day')].join('-')
    const differs = this.#fields.some((field) => {
      const [from, to] = receiptParts[field] ?? [0, Infinity]
      return to <= date.length && valueOf(field) !== date.slice(from, to)
    })
    const time = Date.parse(`${date}T00:00:00Z`)
    const isReal = !Number.isNaN(time) && new Date(time).toISOString().startsWith(date)
    if (differs || !isReal || renderPath(this.#template, valueOf) !== path) return undefined
    return date.replaceAll('-', '')
  }
}
