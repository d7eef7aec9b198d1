// Whose file a name is. Templates of two destinations may lead to the same names, `{host}.log` and `{host}.audit.log` to
// `web.audit.log`: each name belongs to the one that says more of it, so that `keep` of the other does not remove what was
// rotated, and no two compress it at once.

import type { PathTemplate } from './path-template.ts'

/** Of all file destinations there are. */
const all = new Set<OwnNames>()

export class OwnNames {
  readonly #text: string
  readonly #pattern: RegExp
  /** Characters of a name that the template itself says. */
  readonly #said: number

  /** Has its part in all names until it is told to end. */
  constructor({ text, folder, components }: PathTemplate) {
    const pieces = [folder === '/' ? '' : folder, ...components.flatMap((component) => ['/', ...component])]
    const literals = pieces.filter((piece) => typeof piece === 'string')
    this.#text = text
    this.#pattern = new RegExp(
      `^${pieces.map((piece) => (typeof piece === 'string' ? escaped(piece) : '[^/]+')).join('')}$`,
    )
    this.#said = literals.join('').length
    all.add(this)
  }

  end(): void {
    all.delete(this)
  }

  /** Whether the file at this path, or what had it before it was rotated, is this destination's. */
  has(path: string): boolean {
    return this.#pattern.test(path) && ![...all].some((other) => other.#comesBefore(this) && other.#pattern.test(path))
  }

  #comesBefore(other: OwnNames): boolean {
    return this.#said > other.#said || (this.#said === other.#said && this.#text < other.#text)
  }
}

/** As text in a regular expression. */
export const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
