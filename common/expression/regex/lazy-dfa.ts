// A lazy DFA: a deterministic automaton whose states are built when a text first reaches them (subset construction: Rabin and Scott
// 1959; lazily: Aho in egrep). A state is the set of the open steps of the program, and as much about the previous character as
// the assertions of the program need. A row of the transition table is a state, a column is a class of characters:
//
//            LOOK    a    b    other
//   state 0  LOOK    4    ·    0           an entry is the index of the first cell of the next state's row; negative
//   state 4  LOOK    4   -20   0           entries need special treatment (see the constants)
//
// An assertion ("place") is about two neighbouring characters, so it is decided when the second one is known: a state holds the steps
// before its assertions are evaluated, and the transition evaluates them. So a match that ends with an assertion is found one
// character late, or at the end of the text.
//
// A text can be made so that nearly every character of it leads to a new state (random letters, and `a.{100}b`), and to build one takes
// fifty times as long as to follow its steps. So when the table is full, the next characters that would need another state are
// followed through a passing state, which has the first row and is forgotten. Only then is the table built anew.

import { grown } from '../../grown.ts'
import { REGEX_TABLE_CELLS_MAX } from '../../limits.ts'
import { Alphabet, LOOK } from './alphabet.ts'
import { characterAt, characterBefore, isWordCharacter } from './character.ts'
import { flagsBefore, isAt, LINE_FEED, NO_CHARACTER, TEXT_EDGE, WORD_CHARACTER } from './neighbour.ts'
import { OpenSteps } from './open-steps.ts'
import { ASK, TAKE, type Program } from './program.ts'

// Negative entries of the table. MARKED and below: `MARKED - row` of a state with MATCH_BEFORE or MATCH_HERE.
const UNKNOWN = -1
const AT_CHARACTER = -2
const NOTHING = -3
const MATCHED = -4
const MARKED = -5

// Flags of a state, in addition to those of the previous character (`neighbour.ts`).
const MATCH_BEFORE = 8 // a match ends before the previous character, in reading direction
const MATCH_HERE = 16

/** The row of the passing state. All of its transitions stay unknown. */
const PASSING = 0
/** Transitions through the passing state, for each state of the full table, before the table is built anew. */
const PASSING_PER_STATE = 32

interface State {
  readonly steps: readonly number[]
  readonly about: number
  /** Whether there is a match at the end of a text that ends in this state; undefined until it is computed. */
  ending?: boolean
}

export class LazyDfa {
  /** How far the last `longestFrom` has read. */
  readTo = 0
  readonly #program: Program
  readonly #alphabet: Alphabet
  /** Whether a match may begin anywhere, or only where reading begins (anchored). */
  readonly #floating: boolean
  /** Whether to stop at the first match, or to continue as long as a longer one is possible. */
  readonly #first: boolean
  readonly #contextMask: number
  readonly #asks: boolean
  /** Cells of a row: a power of two, and its exponent. */
  #stride = 0
  #shift = 0
  #table = new Int32Array(0)
  #states: State[] = []
  #rows = new Map<string, number>()
  #starts: number[] = []
  /** The row of the state at the start of a text, or -1 if it is not built yet; and whether that state is a match already. */
  #textStart = -1
  #matchesAtStart = false
  #stepsKept = 0
  #passed = 0
  /** Scratch memory: the steps of the state that is being built. */
  readonly #open: OpenSteps

  constructor(program: Program, floating: boolean, first: boolean) {
    this.#program = program
    this.#floating = floating
    this.#first = first
    this.#alphabet = new Alphabet(program)
    this.#open = new OpenSteps(program)
    this.#asks = program.places.length > 0
    this.#contextMask = flagsBefore(program.places)
    this.#clear()
  }

  /** Whether `text[start, end)` contains a match. For a floating automaton that stops at the first match. */
  test(text: Uint8Array, start: number, end: number): boolean {
    const { columns } = this.#alphabet
    let state = this.#textStart
    if (state < 0) state = this.#startState(TEXT_EDGE)
    if (this.#matchesAtStart) return true
    let table = this.#table
    const four = end - 3
    let at = start
    while (at < end) {
      // Four characters at a time. Negative entries are handled below.
      while (at < four) {
        const one = table[state + columns[text[at]]]
        if (one < 0) break
        const two = table[one + columns[text[at + 1]]]
        if (two < 0) {
          state = one
          at += 1
          break
        }
        const three = table[two + columns[text[at + 2]]]
        if (three < 0) {
          state = two
          at += 2
          break
        }
        const next = table[three + columns[text[at + 3]]]
        if (next < 0) {
          state = three
          at += 3
          break
        }
        state = next
        at += 4
      }
      if (at >= end) break
      let next = table[state + columns[text[at]]]
      let bytes = 1
      if (next < 0) {
        if (next === AT_CHARACTER || next === UNKNOWN) {
          const character = characterAt(text, at, end)
          bytes = character & 7
          next = this.#follow(state, character >> 3)
          table = this.#table
        }
        if (next === MATCHED) return true
        if (next === NOTHING) return false
      }
      state = next
      at += bytes
    }
    return this.#asks && this.#endsInMatch(state)
  }

  /** Where the longest match that begins at `at` ends, or -1; sets `readTo`. For an anchored automaton that reads forwards. */
  longestFrom(text: Uint8Array, start: number, end: number, at: number): number {
    const { columns } = this.#alphabet
    let state = this.#startState(contextAfter(text, start, at))
    let table = this.#table
    let longest = (this.#stateAt(state).about & MATCH_HERE) !== 0 ? at : -1
    while (at < end) {
      let next = table[state + columns[text[at]]]
      let bytes = 1
      if (next < 0) {
        if (next === AT_CHARACTER || next === UNKNOWN) {
          const character = characterAt(text, at, end)
          bytes = character & 7
          next = this.#follow(state, character >> 3)
          table = this.#table
        }
        if (next === NOTHING) {
          this.readTo = at
          return longest
        }
        if (next <= MARKED) {
          next = MARKED - next
          const { about } = this.#stateAt(next)
          if ((about & MATCH_BEFORE) !== 0) longest = at
          if ((about & MATCH_HERE) !== 0) longest = at + bytes
        }
      }
      state = next
      at += bytes
    }
    this.readTo = end
    return this.#endsInMatch(state) ? end : longest
  }

  /**
   * Writes the offsets at which matches begin into `into`, in descending order; returns their number. For a floating automaton that reads
   * backwards and does not stop at the first match.
   */
  startsOf(text: Uint8Array, start: number, end: number, into: { starts: Uint32Array }): number {
    const { columns } = this.#alphabet
    let state = this.#startState(TEXT_EDGE)
    let table = this.#table
    let count = 0
    const add = (at: number) => {
      if (count === into.starts.length) into.starts = grown(into.starts)
      if (count === 0 || into.starts[count - 1] !== at) into.starts[count++] = at
    }
    if ((this.#stateAt(state).about & MATCH_HERE) !== 0) add(end)
    for (let at = end; at > start;) {
      let next = table[state + columns[text[at - 1]]]
      let bytes = 1
      if (next < 0) {
        if (next === AT_CHARACTER || next === UNKNOWN) {
          const character = characterBefore(text, at, start)
          bytes = character & 7
          next = this.#follow(state, character >> 3)
          table = this.#table
        }
        if (next === NOTHING) return count
        if (next <= MARKED) {
          next = MARKED - next
          const { about } = this.#stateAt(next)
          if ((about & MATCH_BEFORE) !== 0) add(at)
          if ((about & MATCH_HERE) !== 0) add(at - bytes)
        }
      }
      state = next
      at -= bytes
    }
    if (this.#endsInMatch(state)) add(start)
    return count
  }

  #startState(context: number): number {
    const about = context & this.#contextMask
    const known = this.#starts[about]
    if (known !== undefined) return known
    this.#open.clear()
    this.#open.add(this.#program.start)
    const row = this.#rowOf(about)
    this.#starts[about] = row
    if ((context & NO_CHARACTER) !== 0) {
      this.#textStart = row
      this.#matchesAtStart = (this.#stateAt(row).about & MATCH_HERE) !== 0
    }
    return row
  }

  #stateAt(row: number): State {
    return this.#states[row >> this.#shift]
  }

  /** The table entry for a state and a character; computed if it is unknown. */
  #follow(state: number, code: number): number {
    const alphabet = this.#alphabet
    const column = code < 0x80 ? alphabet.columns[code] : alphabet.columnOf(code)
    if (column >= this.#stride) return this.#restart(state, column)
    const known = this.#table[state + column]
    if (known !== UNKNOWN) return known
    if (this.#full()) return this.#pass(state, column)
    const next = this.#transition(this.#stateAt(state), column)
    this.#table[state + column] = next
    return next
  }

  /** Continues to the passing state, or with a new table. */
  #pass(state: number, column: number): number {
    if (this.#passed === PASSING_PER_STATE * this.#states.length) return this.#restart(state, column)
    this.#passed += 1
    return this.#transition(this.#stateAt(state), column)
  }

  /** Clears the table, which is full or has too few columns, and continues from the same state. */
  #restart(state: number, column: number): number {
    const from = this.#stateAt(state)
    this.#clear()
    return this.#transition(from, column)
  }

  #transition(from: State, column: number): number {
    const { kinds, values, nexts, start } = this.#program
    const alphabet = this.#alphabet
    const open = this.#open
    const matched = this.#asks && this.#answer(from, column)
    if (matched && this.#first) return MATCHED
    const steps = this.#asks ? open.list() : from.steps
    const holds = alphabet.holds[column]
    open.clear()
    if (this.#floating) open.add(start)
    for (const step of steps) if (kinds[step] === TAKE && holds[values[step]] === 1) open.add(nexts[step])
    const about = (alphabet.neighbours[column] & this.#contextMask) | (matched ? MATCH_BEFORE : 0)
    if (open.count === 0 && !matched) return NOTHING
    const row = this.#full() ? this.#passingRow(about) : this.#rowOf(about)
    const whole = this.#stateAt(row).about
    if ((whole & (MATCH_BEFORE | MATCH_HERE)) === 0) return row
    return this.#first ? MATCHED : MARKED - row
  }

  /**
   * Evaluates the assertions of a state, given the column of the next character (-1 at the end of the text). Its steps and those that
   * the assertions lead to become the open ones. Returns whether the end is among them.
   */
  #answer(from: State, column: number): boolean {
    const { kinds, values, nexts, places } = this.#program
    const after = column < 0 ? TEXT_EDGE : this.#alphabet.neighbours[column]
    const open = this.#open
    open.clear()
    for (const step of from.steps) open.add(step)
    // The set grows during the loop: an assertion may lead to another one.
    for (let i = 0; i < open.count; i += 1) {
      const step = open.steps[i]
      if (kinds[step] === ASK && isAt(places[values[step]], from.about, after)) open.add(nexts[step])
    }
    return open.hasEnd
  }

  #endsInMatch(state: number): boolean {
    const from = this.#stateAt(state)
    from.ending ??= (from.about & MATCH_HERE) !== 0 || (this.#asks && this.#answer(from, -1))
    return from.ending
  }

  /** The row of the passing state, which gets the open steps. */
  #passingRow(about: number): number {
    this.#states[0] = { steps: this.#open.list(), about: this.#open.hasEnd ? about | MATCH_HERE : about }
    return PASSING
  }

  /** The row of the state with the open steps; added if it is new. */
  #rowOf(about: number): number {
    const steps = this.#open.list()
    const whole = this.#open.hasEnd ? about | MATCH_HERE : about
    const key = `${whole}:${Buffer.from(new Int32Array(steps).sort().buffer).toString('latin1')}`
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const row = this.#states.length * this.#stride
    if (row + this.#stride > this.#table.length) {
      const larger = new Int32Array(Math.max(2 * this.#table.length, 16 * this.#stride))
      larger.set(this.#table)
      this.#table = larger
    }
    this.#table.fill(UNKNOWN, row, row + this.#stride)
    this.#table[row + LOOK] = AT_CHARACTER
    this.#states.push({ steps, about: whole })
    this.#rows.set(key, row)
    this.#stepsKept += steps.length
    return row
  }

  #full(): boolean {
    const cells = this.#states.length * this.#stride
    return cells + this.#stride > REGEX_TABLE_CELLS_MAX || this.#stepsKept > REGEX_TABLE_CELLS_MAX
  }

  #clear(): void {
    // Leaves room for half as many columns again, for characters not met yet.
    this.#shift = 2
    while (1 << this.#shift < this.#alphabet.width * 1.5) this.#shift += 1
    this.#stride = 1 << this.#shift
    this.#rows = new Map()
    this.#starts = []
    this.#textStart = -1
    this.#stepsKept = 0
    this.#passed = 0
    this.#table = new Int32Array(16 * this.#stride).fill(UNKNOWN)
    this.#states = [{ steps: [], about: 0 }]
  }
}

function contextAfter(text: Uint8Array, start: number, at: number): number {
  if (at === start) return TEXT_EDGE
  const code = characterBefore(text, at, start) >> 3
  return (code === 0x0a ? LINE_FEED : 0) | (isWordCharacter(code) ? WORD_CHARACTER : 0)
}
