// What of a terminal is made use of.

import { expect, test } from 'vitest'
import { terminalOf } from '../common/terminal.ts'

test.each([
  [true, { TERM: 'xterm-256color' }, { capable: true, colorful: true }],
  [true, {}, { capable: true, colorful: true }],
  [true, { TERM: 'xterm', NO_COLOR: '1' }, { capable: true, colorful: false }],
  // no-color.org: an empty NO_COLOR says nothing.
  [true, { TERM: 'xterm', NO_COLOR: '' }, { capable: true, colorful: true }],
  // As grep and journalctl do it.
  [true, { TERM: 'dumb' }, { capable: false, colorful: false }],
  [false, { TERM: 'xterm' }, { capable: false, colorful: false }],
])('a terminal (%j) with %j', (isTerminal, env, expected) => {
  expect(terminalOf(isTerminal, env)).toEqual(expected)
})
