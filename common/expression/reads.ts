// Which fields of a message an expression reads, so that a search decodes only these columns.

import { assert } from '../fault.ts'
import type { Expression, Field } from './ast.ts'

/** `structured`: all structured data. `priority`: facility and severity. `time`: time of the message and of its receipt. */
export type ReadField =
  'priority' | 'time' | 'host' | 'program' | 'pid' | 'msgid' | 'message' | 'from' | 'source' | 'structured'

/** The fields that an expression whose filters are resolved reads. */
export function fieldsRead(expression: Expression): ReadonlySet<ReadField> {
  const fields = new Set<ReadField>()
  collect(expression, fields)
  return fields
}

function collect(expression: Expression, into: Set<ReadField>): void {
  switch (expression.kind) {
    case 'all':
      return
    case 'and':
    case 'or':
      for (const part of expression.parts) collect(part, into)
      return
    case 'not':
      return collect(expression.part, into)
    case 'filter':
      assert(expression.target !== undefined, 'filters are resolved before an expression is analysed')
      return collect(expression.target, into)
    case 'selector':
      into.add('priority')
      return
    case 'since':
    case 'until':
      into.add('time')
      return
    case 'text':
    case 'regex':
      into.add('message')
      return
    case 'field':
      into.add(readField(expression.field))
  }
}

function readField(field: Field): ReadField {
  if (typeof field === 'object') return 'structured'
  return field === 'facility' || field === 'severity' ? 'priority' : field
}
