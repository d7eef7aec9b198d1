// Which destination a path belongs to. The templates of two destinations may match the same path: `{host}.log` and
// `{host}.audit.log` both match `web.audit.log`. A path belongs to the template that is more specific; of two that are equally specific
// (`{host}-a.log`, `b-{host}.log`), to one of them. The other destination does not write there, because after a crash each truncates
// a file to the length that it knows, and it does not touch rotated files of that name. Two templates that match exactly the same
// paths (`{host}.log`, `{program}.log`) are a fault of the configuration.
//
// A data folder below the folder of a template (`/srv/{host}/{program}` and `/srv/sluice`) belongs to no template: a sender that calls itself
// `sluice` would write to positions and archives.

import { resolve } from 'node:path'
import { facilityNames, severityNames } from '../../common/message/priority.ts'
import type { TemplateField } from '../template.ts'
import type { PathTemplate } from './path-template.ts'

/** Those of all file destinations. */
const all = new Set<PathOwnership>()

const ANYTHING = '[^/]+'

/** Patterns of fields that have only few values. */
const fewValues: Partial<Record<TemplateField, string>> = {
  ...{ facility: `(${facilityNames.join('|')})`, severity: `(${severityNames.join('|')})` },
  ...{ date: String.raw`\d{4}-\d\d-\d\d`, year: String.raw`\d{4}` },
  ...{ month: String.raw`\d\d`, day: String.raw`\d\d`, hour: String.raw`\d\d` },
}

/** The paths that a template matches, as a regular expression. It is equal for templates that match the same paths. */
export function namesOf(template: PathTemplate): string {
  const pattern = piecesOf(template)
    .map((piece) => (typeof piece === 'string' ? escaped(piece) : patternOf(piece.field)))
    .join('')
  // Several fields in a row match the same as one.
  return pattern.replaceAll(/(\[\^\/\]\+)+/g, ANYTHING)
}

/** What the value of a field looks like in a path, as a regular expression. */
export const patternOf = (field: TemplateField) => fewValues[field] ?? ANYTHING

type Piece = PathTemplate['components'][number][number]

/** The whole path as literal texts and fields. */
export function piecesOf({ folder, components }: PathTemplate): Piece[] {
  return [folder === '/' ? '' : folder, ...components.flatMap((component) => ['/', ...component])]
}

export class PathOwnership {
  readonly #text: string
  readonly #fits: string
  readonly #pattern: RegExp
  /** Number of literal characters in the template, plus its fields of few values. */
  readonly #specificity: number
  /** The data folder, with a slash at its end, if it is below the folder of the template. */
  readonly #data: string | undefined

  /** Takes part in the decisions of all destinations until `end`. */
  constructor(template: PathTemplate, dataFolder: string) {
    const data = `${resolve(dataFolder)}/`
    if (data.startsWith(template.folder === '/' ? '/' : `${template.folder}/`) && resolve(data) !== template.folder) {
      this.#data = data
    }
    const pieces = piecesOf(template)
    this.#text = template.text
    this.#fits = namesOf(template)
    this.#pattern = new RegExp(`^${this.#fits}$`)
    this.#specificity = pieces.reduce(
      (sum, piece) => sum + (typeof piece === 'string' ? piece.length : piece.field in fewValues ? 1 : 0),
      0,
    )
    all.add(this)
  }

  end(): void {
    all.delete(this)
  }

  /** Whether this path belongs to another destination, or to the data folder. */
  isAnothers(path: string): boolean {
    if (this.#data !== undefined && `${path}/`.startsWith(this.#data)) return true
    for (const other of all) {
      if (other.#fits !== this.#fits && other.#comesBefore(this) && other.#pattern.test(path)) return true
    }
    return false
  }

  /** Whether a file that had this path before it was rotated belongs to this destination. */
  had(path: string): boolean {
    return this.#pattern.test(path) && ![...all].some((other) => other.#comesBefore(this) && other.#pattern.test(path))
  }

  #comesBefore(other: PathOwnership): boolean {
    return (
      this.#specificity > other.#specificity || (this.#specificity === other.#specificity && this.#text < other.#text)
    )
  }
}

/** Escapes a text for use in a regular expression. */
export const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
