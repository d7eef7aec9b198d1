// Templates of lines and paths: text with fields in braces, `{time} {host} {program}: {message}`.

import { nearest } from '../common/expression/problem.ts'
import { Fault } from '../common/fault.ts'
import type { OptionProblem } from '../common/option.ts'

/** Fields that are the same for all messages of a batch: of receipt at this host, in the local zone. */
const receiptTable = {
  date: 'The date of receipt at this host: `2026-11-20`. This and the following are in the local zone; senders cannot influence them.',
  year: 'The year of receipt.',
  month: 'The month of receipt, two digits.',
  day: 'The day of the month of receipt, two digits.',
  hour: 'The hour of receipt, two digits.',
  received: 'The time of receipt at this host, as `iso` writes it.',
} as const
/** Fields of the message and of where it came from; `sd.ID.PARAM` besides. */
const messageTable = {
  facility: 'The name of the facility.',
  severity: 'The name of the severity.',
  host: 'The host named in the message, or else the address of the sender.',
  program: 'The program.',
  pid: 'The process id.',
  msgid: 'The message id (RFC 5424).',
  message: 'The text after the header.',
  time: 'The time of the message, or else of its receipt, as `iso` writes it.',
  from: 'The address that the first sluice on the way received it from.',
  peer: 'The same as `{from}`.',
  source: 'The name of the source through which the first sluice on the way received it.',
} as const
/** What each field gives, for the handbook. */
export const templateFieldTable = {
  ...messageTable,
  'sd.ID.PARAM': 'A parameter of the structured data; several values are joined by commas.',
  ...receiptTable,
}

type ReceiptField = keyof typeof receiptTable
export type TemplateField = ReceiptField | keyof typeof messageTable | `sd.${string}`

/** Where in the local time of receipt, `2026-11-23T10:00:00`, each of its fields stands. */
export const receiptParts: Partial<Record<TemplateField, readonly [from: number, to: number]>> = {
  ...{ date: [0, 10], year: [0, 4], month: [5, 7], day: [8, 10], hour: [11, 13], received: [0, 19] },
}
export const receiptFields = Object.keys(receiptTable) as ReceiptField[]
const plainFields = [...Object.keys(messageTable), ...receiptFields]

/** CONFIG_TEMPLATE with everything that is wrong with one text, each at its place. */
class TemplateFault extends Fault {
  readonly problems: readonly OptionProblem[]

  constructor(text: string, problems: readonly OptionProblem[]) {
    super('CONFIG_TEMPLATE', `"${text}": ${problems.map(({ sentence }) => sentence).join('; ')}`)
    this.problems = problems
  }
}

/** Text and fields, in turns. Throws CONFIG_TEMPLATE for what cannot be read. */
export function templatePieces(text: string): (string | { readonly field: TemplateField })[] {
  const problems: OptionProblem[] = []
  let end = 0
  const pieces = text.split(/(\{[^{}]*\})/).flatMap((piece): (string | { field: TemplateField })[] => {
    const start = end
    end += piece.length
    if (piece === '') return []
    const name = /^\{(.*)\}$/.exec(piece)?.[1]
    if (name === undefined) {
      const brace = piece.search(/[{}]/)
      if (brace >= 0) problems.push({ sentence: 'a brace without its partner', start: start + brace })
      return [piece]
    }
    if (isField(name)) return [{ field: name }]
    problems.push({ ...noField(name), start })
    return []
  })
  if (problems.length > 0) throw new TemplateFault(text, problems)
  return pieces
}

function noField(name: string): OptionProblem {
  const meant = nearest(name, plainFields)
  if (meant !== undefined) return { sentence: `there is no field {${name}}`, suggestion: `{${meant}}` }
  return { sentence: `there is no field {${name}}; there are ${plainFields.join(', ')}, sd.ID.PARAM` }
}

// An SD-ID may hold dots (`timeQuality.x@1.2`): the parameter is what stands behind the last one.
function isField(name: string): name is TemplateField {
  return plainFields.includes(name) || /^sd\..+\.[^.]+$/.test(name)
}
