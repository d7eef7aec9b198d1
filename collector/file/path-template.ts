// Path templates: `/var/log/remote/{host}/{program}.log`.
//
// The literal part before the first field, up to its last slash, is the folder that no sender can leave.

import { resolve } from 'node:path'
import { Fault } from '../../common/fault.ts'
import { receiptParts, templatePieces, type TemplateField } from '../template.ts'
import { COMPONENT_BYTES_MAX, PATH_BYTES_MAX, STAND_IN, cutName, safeName, unlikeRotated } from './safe-name.ts'

/** One path component: a sequence of literal texts and fields. */
type Component = readonly (string | { readonly field: TemplateField })[]

export interface PathTemplate {
  readonly text: string
  /** Absolute, without a slash at the end. */
  readonly folder: string
  /** The components below the folder. */
  readonly components: readonly Component[]
  /** The fields in use, each once. */
  readonly fields: readonly TemplateField[]
}

/** Parses a template. Throws CONFIG_TEMPLATE if it is invalid or would leave its folder. */
export function compilePath(text: string): PathTemplate {
  const pieces = pathPieces(text)
  const lead = pieces.length > 0 && typeof pieces[0] === 'string' ? pieces[0] : ''
  const folderEnd = lead.lastIndexOf('/') + 1
  const folder = resolve(lead.slice(0, folderEnd) || '.')
  const rest = [lead.slice(folderEnd), ...pieces.slice(lead === '' ? 0 : 1)]
  const components = componentsOf(rest)
  components.push(unlikeRotatedNames(components.pop()!))
  for (const component of components) checkComponent(component, text)
  const fields = new Set(components.flat().flatMap((piece) => (typeof piece === 'string' ? [] : [piece.field])))
  const template = { text, folder, components, fields: [...fields] }
  if (Buffer.byteLength(joined(template, () => STAND_IN)) > PATH_BYTES_MAX) {
    throw new Fault('CONFIG_TEMPLATE', `"${text}": longer than ${PATH_BYTES_MAX} bytes`)
  }
  return template
}

function pathPieces(text: string): (string | { field: TemplateField })[] {
  if (text.includes('\0')) throw new Fault('CONFIG_TEMPLATE', `"${text}": a path holds no NUL`)
  return templatePieces(text)
}

function componentsOf(pieces: (string | { field: TemplateField })[]): Component[] {
  const components: (string | { field: TemplateField })[][] = [[]]
  for (const piece of pieces) {
    if (typeof piece !== 'string') {
      components[components.length - 1].push(piece)
      continue
    }
    const [first, ...others] = piece.split('/')
    if (first !== '') components[components.length - 1].push(first)
    for (const other of others) components.push(other === '' ? [] : [other])
  }
  // Repeated slashes count as one, as in any path. A slash at the end gives an empty last component, which is a fault.
  return components.filter((component, i) => component.length > 0 || i === components.length - 1)
}

/**
 * The last component of a path, with the hyphen replaced that would make each of its names look like that of a rotated file:
 * `{host}-{year}{month}{day}` gives `web_20261123`. What senders write is looked at when a path is rendered.
 */
function unlikeRotatedNames(component: Component): Component {
  if (component.every((piece) => typeof piece === 'string')) return component
  const texts = component.map((piece) => {
    if (typeof piece === 'string') return piece
    const [from, to] = receiptParts[piece.field] ?? [0, 0]
    return '0'.repeat(to - from) || STAND_IN
  })
  const name = unlikeRotated(texts.join(''))
  let end = 0
  return component.map((piece, i) => {
    const start = end
    end += texts[i].length
    return typeof piece === 'string' ? name.slice(start, end) : piece
  })
}

function checkComponent(component: Component, text: string): void {
  const literal = component.filter((piece) => typeof piece === 'string').join('')
  const fields = component.length - component.filter((piece) => typeof piece === 'string').length
  if (component.length === 0) throw new Fault('CONFIG_TEMPLATE', `"${text}": names a folder, not a file`)
  if (fields === 0 && (literal === '.' || literal === '..')) {
    throw new Fault('CONFIG_TEMPLATE', `"${text}": "${literal}" behind a field`)
  }
  // Each field needs room for at least eight bytes, enough for `unknown`.
  if (Buffer.byteLength(literal) + 8 * fields > COMPONENT_BYTES_MAX) {
    throw new Fault('CONFIG_TEMPLATE', `"${text}": a name longer than ${COMPONENT_BYTES_MAX} bytes`)
  }
}

/** The path for a message. `valueOf` returns its fields as the sender wrote them. */
export function renderPath(template: PathTemplate, valueOf: (field: TemplateField) => string): string {
  const path = joined(template, valueOf)
  return Buffer.byteLength(path) <= PATH_BYTES_MAX ? path : standInPath(template)
}

/** The path for messages whose own path is too long or cannot be created: `unknown` for every field. */
export function standInPath(template: PathTemplate): string {
  return joined(template, () => STAND_IN)
}

function joined({ folder, components }: PathTemplate, valueOf: (field: TemplateField) => string): string {
  const names = components.map((component) => renderComponent(component, valueOf))
  const last = names.length - 1
  if (components[last].some((piece) => typeof piece !== 'string')) names[last] = unlikeRotated(names[last])
  return [folder === '/' ? '' : folder, ...names].join('/')
}

function renderComponent(component: Component, valueOf: (field: TemplateField) => string): string {
  const pieces = component.map((piece) => (typeof piece === 'string' ? piece : safeName(valueOf(piece.field))))
  const whole = pieces.join('')
  if (Buffer.byteLength(whole) <= COMPONENT_BYTES_MAX) return whole
  // Cuts the values of the fields, not the end of the name, so that `.log` stays.
  const literal = component.reduce((sum, piece) => sum + (typeof piece === 'string' ? Buffer.byteLength(piece) : 0), 0)
  const fields = component.filter((piece) => typeof piece !== 'string').length
  const share = Math.floor((COMPONENT_BYTES_MAX - literal) / fields)
  return pieces.map((piece, i) => (typeof component[i] === 'string' ? piece : cutName(piece, share))).join('')
}
