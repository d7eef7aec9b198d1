// Prints an expression as text that parses to the same tree, so that tests can name it, and compare the tree with the one it came from.

import type { Expression, Field, SelectorPart, Value } from '../../common/expression/ast.ts'
import { facilityNames, severityNames } from '../../common/message/priority.ts'

/** The expression as text. Filters are printed as references. */
export function formatExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'all':
      return '*'
    case 'and':
      return expression.parts.map(formatOperand).join(' ')
    case 'or':
      return expression.parts.map(formatOperand).join(' OR ')
    case 'not':
      return formatNot(expression.part)
    case 'text':
      return quote(expression.text)
    case 'regex':
      return formatRegex(expression)
    case 'field':
      return `${formatField(expression.field)}:${expression.values.map(formatValue).join(',')}`
    case 'since':
    case 'until':
      return `${expression.kind}:${quote(expression.text)}`
    case 'filter':
      return `filter:${quote(expression.name)}`
    case 'selector':
      return formatSelector(expression.parts)
  }
}

function formatOperand(part: Expression): string {
  return part.kind === 'and' || part.kind === 'or' ? `(${formatExpression(part)})` : formatExpression(part)
}

// A second dash would be read as part of a word (`--option`).
function formatNot(part: Expression): string {
  return part.kind === 'not' ? `NOT ${formatExpression(part)}` : `-${formatOperand(part)}`
}

function formatField(field: Field): string {
  if (typeof field === 'string') return field
  return field.param === undefined ? `sd.${field.id}` : `sd.${field.id}.${field.param}`
}

function formatValue(value: Value): string {
  switch (value.kind) {
    case 'exists':
      return '*'
    case 'text':
      return quote(value.text)
    case 'equal':
      return `=${quote(value.text)}`
    case 'glob':
      return value.pattern
    case 'regex':
      return formatRegex(value)
    case 'compare':
      return `${value.comparison}${quote(value.text)}`
    case 'range':
      return `${value.from}..${value.to}`
  }
}

function formatRegex({ pattern, ignoreCase }: { pattern: string; ignoreCase: boolean }): string {
  return `/${pattern.replaceAll('/', '\\/')}/${ignoreCase ? 'i' : ''}`
}

/** Quotes a text, unless it is a word that can only be read as text. */
function quote(text: string): string {
  if (/^\w[\w-]*$/.test(text) && !/^(AND|OR|NOT)$/i.test(text)) return text
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

/** Prints a selector in the syntax of syslog.conf. */
export function formatSelector(parts: readonly SelectorPart[]): string {
  return parts.map(formatPart).join(';')
}

function formatPart(part: SelectorPart): string {
  const facilities =
    part.facilities === '*' ? '*' : part.facilities.map((code) => facilityNames[code]).join(',') || 'mark'
  const severity = typeof part.severity === 'number' ? severityNames[part.severity] : part.severity
  return `${facilities}.${part.negated ? '!' : ''}${part.only ? '=' : ''}${severity}`
}
