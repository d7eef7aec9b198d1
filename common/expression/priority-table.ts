// Compiles values of the facility and severity fields to tables over all priorities.

import { facilityCode, facilityNames, severityCode, severityNames } from '../message/priority.ts'
import type { Comparison, Value } from './ast.ts'
import { globTest } from './glob.ts'
import { compilePattern } from './pattern.ts'
import { PRIORITIES, type PriorityTable } from './selector.ts'

/** The priorities that any of the values selects. */
export function priorityTable(field: 'facility' | 'severity', values: readonly Value[]): PriorityTable {
  const names = field === 'facility' ? facilityNames : severityNames
  const selected = names.map((_, code) => values.some((value) => selects(field, value, code)))
  const table = new Uint8Array(PRIORITIES)
  for (let priority = 0; priority < PRIORITIES; priority += 1) {
    table[priority] = selected[field === 'facility' ? priority >> 3 : priority & 7] ? 1 : 0
  }
  return table
}

function selects(field: 'facility' | 'severity', value: Value, code: number): boolean {
  const names = field === 'facility' ? facilityNames : severityNames
  const codeOf = (text: string) => (field === 'facility' ? facilityCode(text) : severityCode(text)) ?? NaN
  switch (value.kind) {
    case 'exists':
      return true
    case 'text':
    case 'equal':
      return code === codeOf(value.text)
    case 'range': {
      const ends = [codeOf(value.from), codeOf(value.to)]
      return code >= Math.min(...ends) && code <= Math.max(...ends)
    }
    case 'compare':
      // A more severe severity has a lower code, but counts as greater in the language.
      return compares(value.comparison, field === 'severity' ? codeOf(value.text) - code : code - codeOf(value.text))
    case 'glob':
      return globTest(value.pattern, true)(names[code])
    case 'regex': {
      const name = Buffer.from(names[code])
      return compilePattern(value.pattern, value.ignoreCase).test(name, 0, name.length)
    }
  }
}

/** Whether `a comparison b` is true, given the difference `a - b`. */
export function compares(comparison: Comparison, difference: number): boolean {
  switch (comparison) {
    case '>=':
      return difference >= 0
    case '<=':
      return difference <= 0
    case '>':
      return difference > 0
    case '<':
      return difference < 0
  }
}
