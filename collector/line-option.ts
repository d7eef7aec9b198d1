// The `line:` option of destinations that write lines.

import { lineFormat, lineFormatNames, type LineFormat } from '../common/message/line-format.ts'
import { OptionFault, textOption, type ZodType } from '../common/option.ts'

/** A line format by its name. */
export function lineOption(): ZodType<LineFormat, string> {
  const kind = { kind: 'a line format', like: `such as ${lineFormatNames.join(', ')}` }
  return textOption(kind, (text) => {
    const name = lineFormatNames.find((known) => known === text)
    if (name === undefined) throw new OptionFault({ sentence: `there is no line format ${JSON.stringify(text)}` })
    return lineFormat(name)
  })
}
