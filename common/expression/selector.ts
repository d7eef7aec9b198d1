// Classic selectors, as in syslog.conf:
//
//   auth,authpriv.*;mail.none;*.=info
//
//   facility[,facility…].severity, parts joined by `;`, applied from left to right: for its facilities, each part adds to or removes
//   from what the earlier parts selected.
//
//   .err    adds err and more severe  .=err   adds err only     .*     adds all
//   .!err   removes these             .!=err  removes err only  .none  removes all      (.!none adds all, .!* removes all)
//
// So `*.debug;local6.err` does not restrict local6, because parts without `!` only add. `mail.!info` alone selects nothing.

import {
  facilityCode,
  facilityNames,
  PRIORITY_MAX,
  severityCode,
  severityNames,
  severityWords,
} from '../message/priority.ts'
import type { SelectorPart } from './ast.ts'
import { nearest, type Problem } from './problem.ts'

/** One entry per priority (facility * 8 + severity): 1 if it is selected, else 0. */
export type PriorityTable = Uint8Array

export const PRIORITIES = PRIORITY_MAX + 1

const PART = /^([\w*-]+(?:,[\w*-]+)*)\.(!?)(=?)([\w*]+)$/

// syslogd's internal mark messages do not exist here; a selector may still name them.
const MARK = 'mark'

/** Parses a selector; undefined if the text as a whole is not a selector of known names. */
export function parseSelector(text: string): SelectorPart[] | undefined {
  const pieces = splitParts(text)
  if (!pieces) return undefined
  const parts: SelectorPart[] = []
  for (const piece of pieces) {
    const part = parsePart(piece.text)
    if (!part) return undefined
    parts.push(part)
  }
  return parts
}

/**
 * The mistakes in a text that was clearly meant as a selector: some of its parts are valid and others are not, or a part has a
 * misspelt name. Without this check, one typo would turn a selector into a search for its text.
 */
export function selectorProblems(text: string): Problem[] {
  const pieces = splitParts(text)
  if (!pieces) return []
  const isSurely = pieces.some((piece) => parsePart(piece.text))
  if (!isSurely && !pieces.some((piece) => isSlip(piece.text))) return []
  const problems: Problem[] = []
  for (const { text: piece, start } of pieces) {
    if (!parsePart(piece)) problems.push(...partProblems(piece, start))
  }
  const hint = ' (quotes make it text)'
  return isSurely ? problems : problems.map((problem) => ({ ...problem, sentence: problem.sentence + hint }))
}

function isSlip(piece: string): boolean {
  const [, list, , , word] = PART.exec(piece)!
  const facilities = list.split(',')
  const unknown = facilities.filter((name) => name !== '*' && facilityCode(name) === undefined)
  return unknown.length === 0 ? isSeveritySlip(facilities, word) : isFacilitySlip(facilities, unknown, word)
}

// Misspelt facilities: `auth,authprv.info`, with a known one beside it, and `authprv.*`, since hardly any text ends with `.*`. Alone
// before a severity, a word that differs by more than one edit, or that is short, is more likely text (`kernel.debug`, `new.error`).
function isFacilitySlip(facilities: readonly string[], unknown: readonly string[], word: string): boolean {
  if (unknown.length < facilities.length) return selectorSeverity(word) !== undefined
  if (word === '*') return unknown.every((name) => nearest(name, facilityNames) !== undefined)
  const isSeverity = severityWords.includes(word.toLowerCase())
  return isSeverity && unknown.every((name) => name.length > 3 && nearest(name, facilityNames, 1) !== undefined)
}

// Misspelt severities: `*.warnin`, `auth,cron.inof`, `mail.wraning`. After a single facility a word is more likely text (`kern.log`,
// `mail.notify`), so there a word of up to six letters may differ by one edit only. `none` is not considered: nobody writes
// it in a selector of one part, and `user.done` is text.
function isSeveritySlip(facilities: readonly string[], word: string): boolean {
  const isWord = facilities.length === 1 && facilities[0] !== '*'
  return nearest(word, severityWords, isWord && word.length <= 6 ? 1 : 2) !== undefined
}

/** Compiles a selector to a table. */
export function compileSelector(parts: readonly SelectorPart[]): PriorityTable {
  const table = new Uint8Array(PRIORITIES)
  for (const part of parts) {
    const gives = part.severity === 'none' ? part.negated : !part.negated
    const facilities = part.facilities === '*' ? facilityNames.keys() : part.facilities
    for (const facility of facilities) {
      for (let severity = 0; severity < severityNames.length; severity += 1) {
        if (names(part, severity)) table[facility * 8 + severity] = gives ? 1 : 0
      }
    }
  }
  return table
}

function names(part: SelectorPart, severity: number): boolean {
  if (typeof part.severity === 'string') return true
  return part.only ? severity === part.severity : severity <= part.severity
}

interface Piece {
  readonly text: string
  readonly start: number
}

/** Splits a text that has the shape of a selector; undefined for others. It must contain a letter or `*`: `3.5` is not daemon.notice. */
function splitParts(text: string): Piece[] | undefined {
  if (!text.includes('.') || !/[a-z*]/i.test(text)) return undefined
  const pieces: Piece[] = []
  let start = 0
  // After a severity, syslogd accepts a comma in place of a `;`.
  const joinedBySemicolons = text.replaceAll(/(\.!?=?[\w*]+)\s*,(?=[\w*,-]+\.)/g, (part) => part.slice(0, -1) + ';')
  for (const between of joinedBySemicolons.split(';')) {
    const piece = between.trim()
    // syslogd accepts a `;` at the end.
    const last = start + between.length === text.length
    if (piece !== '') pieces.push({ text: piece, start: start + between.indexOf(piece) })
    else if (!last || pieces.length === 0) return undefined
    start += between.length + 1
  }
  return pieces.every((piece) => PART.test(piece.text)) ? pieces : undefined
}

function parsePart(piece: string): SelectorPart | undefined {
  const [, list, negation, only, severityName] = PART.exec(piece)!
  const facilities: number[] = []
  let all = false
  for (const name of list.split(',')) {
    const code = facilityCode(name)
    if (name === '*') all = true
    else if (code !== undefined) facilities.push(code)
    else if (name.toLowerCase() !== MARK) return undefined
  }
  const severity = selectorSeverity(severityName)
  if (severity === undefined) return undefined
  return {
    facilities: all ? '*' : facilities,
    negated: negation !== '',
    only: only !== '' && typeof severity === 'number',
    severity,
  }
}

function selectorSeverity(name: string): number | '*' | 'none' | undefined {
  if (name === '*') return '*'
  if (name.toLowerCase() === 'none') return 'none'
  return severityCode(name)
}

function partProblems(piece: string, start: number): Problem[] {
  const [, list, , , severityName] = PART.exec(piece)!
  const problems: Problem[] = []
  let at = start
  for (const name of list.split(',')) {
    if (name !== '*' && name.toLowerCase() !== MARK && facilityCode(name) === undefined) {
      problems.push(unknownName('facility', name, at, facilityNames))
    }
    at += name.length + 1
  }
  if (selectorSeverity(severityName) === undefined) {
    const severityAt = start + piece.length - severityName.length
    problems.push(unknownName('severity', severityName, severityAt, [...severityWords, 'none']))
  }
  return problems
}

function unknownName(what: string, name: string, start: number, known: readonly string[]): Problem {
  const suggestion = nearest(name, known)
  return {
    start,
    end: start + name.length,
    sentence: `there is no ${what} "${name}"`,
    ...(suggestion !== undefined && { suggestion }),
  }
}
