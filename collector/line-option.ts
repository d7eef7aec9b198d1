// The `line:` option of destinations that write lines.

import { nearest } from '../common/expression/problem.ts'
import { lineFormat, lineFormatNames, type LineFormat } from '../common/message/line-format.ts'
import { OptionFault, textOption, type ZodType } from '../common/option.ts'
import { lineTemplate } from './line-template.ts'

/** A line format by its name, or a template: what has a brace is one. */
export function lineOption(): ZodType<LineFormat, string> {
  const kind = { kind: 'a line format', like: `such as ${lineFormatNames.join(', ')} or "{time} {host} {message}"` }
  return textOption(kind, (text) => {
    const name = lineFormatNames.find((known) => known === text)
    if (name !== undefined) return lineFormat(name)
    if (/[{}]/.test(text)) return lineTemplate(text)
    const suggestion = nearest(text, lineFormatNames)
    const known = suggestion === undefined ? `; there are ${lineFormatNames.join(', ')}, and templates` : ''
    throw new OptionFault({
      sentence: `there is no line format ${JSON.stringify(text)}${known}`,
      ...(suggestion !== undefined && { suggestion }),
    })
  })
}
