// Parses the expression language. All mistakes in a text are reported at once.
//
//   expression = selector | or
//   or         = and { "OR" and }
//   and        = not { ["AND"] not }
//   not        = ("NOT" | "-" | "!") not | term
//   term       = "(" or ")" | word | quoted | regex | "*" | field ":" value { "," value }
//              | "filter:" NAME | "since:" time | "until:" time
//
// AND, OR and NOT are in capitals. If the whole text is a classic selector of known names, it is parsed as one (`selector.ts`).
// Everything that no rule matches is text to search for. The exceptions are words that look like an unknown field, or like a
// comparison without a colon, the operators of other languages (`&&`, and `and` between fields), and selectors that are not the whole
// text: these are mistakes, since nobody means to search for them as text.

import { EXPRESSION_DEPTH_MAX } from '../limits.ts'
import { severityCode } from '../message/priority.ts'
import { plainFields, type Expression } from './ast.ts'
import { parseField } from './parse-field.ts'
import { Cursor } from './lex.ts'
import { readPattern } from './pattern.ts'
import { ExpressionFault, nearest } from './problem.ts'
import { parseSelector, selectorProblems } from './selector.ts'
import { parseTime } from './time.ts'

const ALL: Expression = { kind: 'all' }

/** Parses an expression. Throws an ExpressionFault with all mistakes in it. */
export function parseExpression(text: string): Expression {
  const selector = parseSelector(text)
  if (selector) return { kind: 'selector', parts: selector }
  const misspelt = selectorProblems(text)
  if (misspelt.length > 0) throw new ExpressionFault(text, misspelt)
  const cursor = new Cursor(text)
  const expression = parseAll(cursor)
  if (cursor.problems.length > 0) throw new ExpressionFault(text, cursor.problems)
  return expression
}

/** Parses as much as possible of an expression that may have mistakes, to find the filters that it refers to. */
export function parseWithMistakes(text: string): Expression {
  try {
    return parseAll(new Cursor(text))
  } catch (error) {
    if (error instanceof ExpressionFault) return ALL
    throw error
  }
}

function parseAll(cursor: Cursor): Expression {
  const parts: Expression[] = []
  cursor.skipBlanks()
  while (!cursor.atEnd) {
    parts.push(parseOr(cursor))
    if (cursor.here === ')') {
      cursor.at += 1
      cursor.fail(cursor.at - 1, 'nothing is open that this could close')
    }
    cursor.skipBlanks()
  }
  return joined('and', parts)
}

function parseOr(cursor: Cursor): Expression {
  const parts: Expression[] = []
  for (;;) {
    parts.push(parseAnd(cursor))
    if (cursor.peekWord() !== 'OR') return joined('or', parts)
    const start = cursor.at
    cursor.readWord()
    cursor.skipBlanks()
    if (endsHere(cursor)) cursor.fail(start, 'nothing follows OR; quotes make it text', undefined, start + 2)
  }
}

function parseAnd(cursor: Cursor): Expression {
  const parts: Expression[] = []
  const lowercase: { start: number; word: string; part: number }[] = []
  for (cursor.skipBlanks(); !cursor.atEnd && cursor.here !== ')'; cursor.skipBlanks()) {
    const start = cursor.at
    const word = cursor.peekWord()
    if (word === 'OR') {
      if (parts.length > 0) break
      cursor.readWord()
      cursor.fail(start, 'there is nothing before OR; quotes make it text')
    } else if (word === 'AND') {
      cursor.readWord()
      cursor.skipBlanks()
      if (parts.length === 0)
        cursor.fail(start, 'there is nothing before AND; quotes make it text', undefined, start + 3)
      else if (endsHere(cursor)) cursor.fail(start, 'nothing follows AND; quotes make it text', undefined, start + 3)
    } else {
      if (/^(?:and|or|not)$/i.test(word) && word !== 'NOT') lowercase.push({ start, word, part: parts.length })
      parts.push(parseNot(cursor))
    }
  }
  // Beside mere words it may be text, as in `program:sshd not found`; between fields it is meant as in the languages of syslog-ng
  // and rsyslog.
  const isText = (part: Expression | undefined) => part === undefined || part.kind === 'text'
  for (const { start, word, part } of lowercase) {
    const operator = word.toUpperCase()
    if (isText(parts[part + 1]) || (operator !== 'NOT' && isText(parts[part - 1]))) continue
    cursor.fail(start, `the operator ${operator} is in capitals (quotes make it text)`, operator, start + word.length)
  }
  return joined('and', parts)
}

/** Whether the operand of an operator is missing at the cursor. */
function endsHere(cursor: Cursor): boolean {
  return cursor.atEnd || cursor.here === ')' || cursor.peekWord() === 'OR' || cursor.peekWord() === 'AND'
}

function parseNot(cursor: Cursor): Expression {
  const start = cursor.at
  cursor.depth += 1
  if (cursor.depth > EXPRESSION_DEPTH_MAX) {
    const sentence = `more than ${EXPRESSION_DEPTH_MAX} nested parentheses and NOTs`
    throw new ExpressionFault(cursor.text, [...cursor.problems, { start, end: start + 1, sentence }])
  }
  const expression = parseNegated(cursor, start)
  cursor.depth -= 1
  return expression
}

function parseNegated(cursor: Cursor, start: number): Expression {
  if (cursor.peekWord() === 'NOT') {
    cursor.readWord()
    cursor.skipBlanks()
    if (endsHere(cursor)) {
      cursor.fail(start, 'nothing follows NOT; quotes make it text', undefined, start + 3)
      return ALL
    }
    return { kind: 'not', part: parseNot(cursor) }
  }
  const sign = cursor.here
  if (sign !== '-' && sign !== '!') return parseTerm(cursor)
  const next = cursor.text.charAt(cursor.at + 1)
  // A lone `-` or `!`, or a word like `--option` or `----`, is more likely meant as text than as a negation.
  if (next === '' || next === '-' || next === '!' || next === ')' || next === '=' || /\s/.test(next)) {
    const word = cursor.readWord()
    cursor.fail(start, `"${word}" negates nothing; quotes make it text`)
    return ALL
  }
  cursor.at += 1
  return { kind: 'not', part: parseTerm(cursor) }
}

function parseTerm(cursor: Cursor): Expression {
  const start = cursor.at
  if (cursor.here === '(') return parseGroup(cursor)
  if (cursor.atQuote) {
    const { text } = cursor.readQuoted()
    cursor.expectBoundary('quoted text')
    if (text === '') cursor.fail(start, 'an empty text')
    return { kind: 'text', text }
  }
  if (cursor.here === '/') return { kind: 'regex', ...readPattern(cursor) }
  return parseNamed(cursor) ?? parseWord(cursor)
}

function parseGroup(cursor: Cursor): Expression {
  const start = cursor.at
  cursor.at += 1
  cursor.skipBlanks()
  if (cursor.here === ')') {
    cursor.at += 1
    cursor.fail(start, 'there is nothing between the parentheses')
    return ALL
  }
  const inner = parseOr(cursor)
  if (cursor.here === ')') cursor.at += 1
  else cursor.fail(start, 'the parenthesis is not closed', undefined, start + 1)
  return inner
}

/** Parses a term that begins with a name and a colon; undefined if that is not a field. */
function parseNamed(cursor: Cursor): Expression | undefined {
  const start = cursor.at
  const [, name, rest] = /^([a-z_]{2,}|sd\.[^:]+):(.*)/is.exec(cursor.peekWord()) ?? []
  if (name === undefined) return undefined
  const valueAt = start + name.length + 1
  const field = fieldNames.find((known) => known === name.toLowerCase())
  const structured = name.toLowerCase().startsWith('sd.')
  if (field === undefined && !structured) {
    // `std::string` and `https://…` are text, not fields, and so is `note:` before a blank.
    if (rest === '' || rest.startsWith(':') || rest.startsWith('//')) return undefined
    cursor.at = valueAt
    skipValue(cursor)
    const suggestion = synonyms[name.toLowerCase()] ?? nearest(name, fieldNames)
    cursor.fail(start, `there is no field "${name}" (quotes make it text)`, suggestion, valueAt - 1)
    return ALL
  }
  cursor.at = valueAt
  if (cursor.atBoundary && cursor.here !== '(') {
    cursor.fail(start, `"${name}:" needs a value; quotes make it text`)
    return ALL
  }
  if (field === 'filter') return parseFilter(cursor)
  if (field === 'since' || field === 'until') return parseTimeBound(cursor, field)
  return parseField(cursor, name, start)
}

const fieldNames = [...plainFields, 'filter', 'since', 'until', 'sd']

// Names that other programs use for these fields.
const synonyms: Record<string, string> = {
  ...{ sev: 'severity', level: 'severity', priority: 'severity', prio: 'severity', pri: 'severity', fac: 'facility' },
  ...{ app: 'program', appname: 'program', tag: 'program', prog: 'program', ident: 'program', procid: 'pid' },
  ...{ hostname: 'host', sender: 'host', msg: 'message', text: 'message', ip: 'from', peer: 'from', fromhost: 'from' },
  ...{ input: 'source', after: 'since', before: 'until', time: 'since' },
}

function skipValue(cursor: Cursor): void {
  if (cursor.atQuote) cursor.readQuoted()
  else cursor.readWord()
}

function parseFilter(cursor: Cursor): Expression {
  const start = cursor.at
  const name = cursor.atQuote ? cursor.readQuoted().text : cursor.readWord()
  cursor.expectBoundary('the name')
  return { kind: 'filter', name, start, end: cursor.at }
}

function parseTimeBound(cursor: Cursor, kind: 'since' | 'until'): Expression {
  const start = cursor.at
  const text = cursor.atQuote ? cursor.readQuoted().text : cursor.readWord()
  cursor.expectBoundary('the time')
  const time = parseTime(text)
  if (time) return { kind, text, time }
  cursor.fail(start, `"${text}" is not a time: write 2h, today, 2026-11-20, "2026-11-20 10:00" or 2026-11-20T10:00:00Z`)
  return ALL
}

function parseWord(cursor: Cursor): Expression {
  const start = cursor.at
  const text = cursor.readWord()
  if (text === '*') return ALL
  const [, name, rest] = /^(facility|severity|pid)((?:[<>]=?).+)/i.exec(text) ?? []
  if (name !== undefined)
    cursor.fail(start, 'a colon goes before the comparison; quotes make it text', `${name}:${rest}`)
  else if (text.includes('"'))
    cursor.fail(start, 'a quote inside a word: quote the whole of it, with \\" for the quote')
  else if (Object.hasOwn(operators, text))
    cursor.fail(start, `there is no operator ${text} (quotes make it text)`, operators[text])
  else if (/[*;]/.test(text) && parseSelector(text))
    cursor.fail(start, `${text} is a selector, which has to be the whole text (quotes make it text)`, asField(text))
  return { kind: 'text', text }
}

// What other languages write for the operators of this one.
const operators: Record<string, string> = { '&&': 'AND', '||': 'OR' }

/** The field that selects what a selector such as `*.err` does; undefined for others. */
function asField(selector: string): string | undefined {
  const [, only, severity] = /^\*\.(=?)(\w+)$/.exec(selector) ?? []
  if (severity === undefined || severityCode(severity) === undefined) return undefined
  return `severity:${only === '' ? '>=' : ''}${severity}`
}

function joined(kind: 'and' | 'or', parts: readonly Expression[]): Expression {
  if (parts.length === 0) return ALL
  return parts.length === 1 ? parts[0] : { kind, parts }
}
