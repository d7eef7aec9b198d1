// Whose file a name is. Templates of two destinations may lead to the same names, `{host}.log` and `{host}.audit.log` to
// `web.audit.log`: each name belongs to the one that says more of it, and of two that say as much (`{host}-a.log`, `b-{host}.log`) to
// one. The other writes nothing there, since after a crash each cuts a file back to what it knows of it, and does not touch what was
// rotated. Two that fit the same names throughout (`{host}.log`, `{program}.log`) are a fault of the configuration.

import { facilityNames, severityNames } from '../../common/message/priority.ts'
import type { TemplateField } from '../template.ts'
import type { PathTemplate } from './path-template.ts'

/** Of all file destinations there are. */
const all = new Set<OwnNames>()

const ANYTHING = '[^/]+'

/** Fields that can say no more than this. */
const fewValues: Partial<Record<TemplateField, string>> = {
  ...{ facility: `(${facilityNames.join('|')})`, severity: `(${severityNames.join('|')})` },
  ...{ date: String.raw`\d{4}-\d\d-\d\d`, year: String.raw`\d{4}` },
  ...{ month: String.raw`\d\d`, day: String.raw`\d\d`, hour: String.raw`\d\d` },
}

/** The names that a template fits, as a regular expression: the same for two that fit the same. */
export function namesOf(template: PathTemplate): string {
  const patternOf = (piece: Piece) =>
    typeof piece === 'string' ? escaped(piece) : (fewValues[piece.field] ?? ANYTHING)
  const pattern = piecesOf(template).map(patternOf).join('')
  // Several fields in a row can say what one can.
  return pattern.replaceAll(/(\[\^\/\]\+)+/g, ANYTHING)
}

type Piece = PathTemplate['components'][number][number]

function piecesOf({ folder, components }: PathTemplate): Piece[] {
  return [folder === '/' ? '' : folder, ...components.flatMap((component) => ['/', ...component])]
}

export class OwnNames {
  readonly #text: string
  readonly #fits: string
  readonly #pattern: RegExp
  /** Characters of a name that the template itself says, and fields of few values. */
  readonly #said: number

  /** Has its part in all names until it is told to end. */
  constructor(template: PathTemplate) {
    const pieces = piecesOf(template)
    this.#text = template.text
    this.#fits = namesOf(template)
    this.#pattern = new RegExp(`^${this.#fits}$`)
    this.#said = pieces.reduce(
      (sum, piece) => sum + (typeof piece === 'string' ? piece.length : piece.field in fewValues ? 1 : 0),
      0,
    )
    all.add(this)
  }

  end(): void {
    all.delete(this)
  }

  /** Whether this name is another destination's. */
  isAnothers(path: string): boolean {
    for (const other of all) {
      if (other.#fits !== this.#fits && other.#comesBefore(this) && other.#pattern.test(path)) return true
    }
    return false
  }

  /** Whether the file that had this path before it was rotated was this destination's. */
  had(path: string): boolean {
    return this.#pattern.test(path) && ![...all].some((other) => other.#comesBefore(this) && other.#pattern.test(path))
  }

  #comesBefore(other: OwnNames): boolean {
    return this.#said > other.#said || (this.#said === other.#said && this.#text < other.#text)
  }
}

/** As text in a regular expression. */
export const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
