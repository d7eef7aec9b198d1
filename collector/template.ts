// Templates of lines and paths: text with fields in braces, `{time} {host} {program}: {message}`.

import { nearest } from '../common/expression/problem.ts'
import { Fault } from '../common/fault.ts'
import type { OptionProblem } from '../common/option.ts'

/** Fields that are the same for all messages of a batch: of receipt at this host, in the local zone. */
export const receiptFields = ['date', 'year', 'month', 'day', 'hour', 'received'] as const
/** Fields of the message and of where it came from; `sd.ID.PARAM` besides. */
const messageFields = [
  ...['facility', 'severity', 'host', 'program', 'pid', 'msgid', 'message', 'time'],
  ...['from', 'peer', 'source'],
] as const

export type TemplateField = (typeof receiptFields)[number] | (typeof messageFields)[number] | `sd.${string}`

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
  const known = [...messageFields, ...receiptFields]
  const meant = nearest(name, known)
  if (meant !== undefined) return { sentence: `there is no field {${name}}`, suggestion: `{${meant}}` }
  return { sentence: `there is no field {${name}}; there are ${known.join(', ')}, sd.ID.PARAM` }
}

// An SD-ID may hold dots (`timeQuality.x@1.2`): the parameter is what stands behind the last one.
function isField(name: string): name is TemplateField {
  return [...receiptFields, ...messageFields].some((field) => field === name) || /^sd\..+\.[^.]+$/.test(name)
}
