// Templates of lines and paths: text with fields in braces, `{time} {host} {program}: {message}`.

import { Fault } from '../common/fault.ts'

/** Fields that are the same for all messages of a batch: of receipt at this host, in the local zone. */
export const receiptFields = ['date', 'year', 'month', 'day', 'hour', 'received'] as const
/** Fields of the message and of where it came from; `sd.ID.PARAM` besides. */
const messageFields = [
  ...['facility', 'severity', 'host', 'program', 'pid', 'msgid', 'message', 'time'],
  ...['from', 'peer', 'source'],
] as const

export type TemplateField = (typeof receiptFields)[number] | (typeof messageFields)[number] | `sd.${string}`

/** Text and fields, in turns. Throws CONFIG_TEMPLATE for what cannot be read. */
export function templatePieces(text: string): (string | { readonly field: TemplateField })[] {
  return text.split(/(\{[^{}]*\})/).flatMap((piece): (string | { field: TemplateField })[] => {
    if (piece === '') return []
    if (!/[{}]/.test(piece)) return [piece]
    const name = /^\{(.+)\}$/.exec(piece)?.[1]
    if (name === undefined) throw new Fault('CONFIG_TEMPLATE', `"${text}": a brace without its partner`)
    if (!isField(name)) throw new Fault('CONFIG_TEMPLATE', `"${text}": there is no field {${name}}`)
    return [{ field: name }]
  })
}

// An SD-ID may hold dots (`timeQuality.x@1.2`): the parameter is what stands behind the last one.
function isField(name: string): name is TemplateField {
  return [...receiptFields, ...messageFields].some((field) => field === name) || /^sd\..+\.[^.]+$/.test(name)
}
