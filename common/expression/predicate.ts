// Compiles an expression to a predicate, which selects messages of a batch by testing their bytes.
//
// Each test runs over the whole batch before the next one. An array with one byte per message says which messages are still
// candidates. Parts that depend only on the priority are merged into one table of 192 entries. In an AND the cheap tests run first,
// so that the expensive ones see only what is left.

import { assert } from '../fault.ts'
import { prioritiesOf } from '../message/headers.ts'
import { localZone, type Zone } from '../message/zone.ts'
import type { Batch } from '../pipeline/batch.ts'
import type { Selector } from '../pipeline/router.ts'
import type { Expression } from './ast.ts'
import { compileField } from './field-test.ts'
import { BatchRows, type Rows } from './rows.ts'
import { compileSelector, type PriorityTable } from './selector.ts'
import { AllTest, AnyTest, NotTest, PriorityTest, type Test } from './test.ts'
import { compileText, compileTextPattern, MessageTest } from './text-test.ts'
import { TimeTest } from './time-test.ts'

export interface PredicateOptions {
  /** The zone of `today` and of times without a zone; by default that of this machine. */
  readonly zone?: Zone
}

/** Selects messages. Has scratch memory, so it must not be used by two threads at once. */
export interface Predicate extends Selector {
  /** Writes 1 for each message of the batch that is selected, 0 for the others. */
  select(batch: Batch, into: Uint8Array): void
  /** Sets `open[i]` to 0 for each row that is not selected, and leaves the others as they are. */
  narrow(rows: Rows, open: Uint8Array): void
  /** The result for every message, if it does not depend on the message. */
  readonly always?: boolean
}

/** Compiles an expression whose filters are resolved. Throws PATTERN_SYNTAX. */
export function compilePredicate(expression: Expression, { zone = localZone }: PredicateOptions = {}): Predicate {
  const decision = decide(expression, zone)
  if (typeof decision === 'boolean') return new ConstantPredicate(decision)
  return decision instanceof PriorityTest ? new PriorityPredicate(decision) : new TestPredicate(decision)
}

const TEXT_COST = 100
const REGEX_COST = 200

/** A test, or a constant result. */
type Decision = Test | boolean

function decide(expression: Expression, zone: Zone): Decision {
  switch (expression.kind) {
    case 'all':
      return true
    case 'and':
      return combine(
        expression.parts.map((part) => decide(part, zone)),
        false,
      )
    case 'or':
      return combine(
        expression.parts.map((part) => decide(part, zone)),
        true,
      )
    case 'not':
      return not(decide(expression.part, zone))
    case 'filter':
      assert(expression.target !== undefined, 'filters are resolved before an expression is compiled')
      return decide(expression.target, zone)
    case 'selector':
      return byPriority(compileSelector(expression.parts))
    case 'field': {
      const test = compileField(expression.field, expression.values)
      return test instanceof PriorityTest ? byPriority(test.table) : test
    }
    case 'text':
      return new MessageTest(compileText(expression.text), TEXT_COST)
    case 'regex':
      return new MessageTest(compileTextPattern(expression.pattern, expression.ignoreCase), REGEX_COST)
    case 'since':
    case 'until':
      return new TimeTest(expression.kind, expression.time, zone)
  }
}

function byPriority(table: PriorityTable): Decision {
  if (!table.includes(0)) return true
  return table.includes(1) ? new PriorityTest(table) : false
}

function not(decision: Decision): Decision {
  if (typeof decision === 'boolean') return !decision
  return decision instanceof PriorityTest ? byPriority(decision.table.map((bit) => bit ^ 1)) : new NotTest(decision)
}

/** Combines by AND (`decider` is false) or OR (`decider` is true): the value of one part that decides the whole. */
function combine(decisions: readonly Decision[], decider: boolean): Decision {
  const left: Test[] = []
  let table: PriorityTable | undefined
  for (const decision of decisions) {
    if (decision === decider) return decider
    if (typeof decision === 'boolean') continue
    if (!(decision instanceof PriorityTest)) left.push(decision)
    else
      table = table
        ? table.map((bit, i) => (decider ? bit | decision.table[i] : bit & decision.table[i]))
        : decision.table
  }
  const byTable = table ? byPriority(table) : !decider
  if (byTable === decider) return decider
  if (typeof byTable !== 'boolean') left.push(byTable)
  if (left.length === 0) return !decider
  if (left.length === 1) return left[0]
  return decider ? new AnyTest(left) : new AllTest(left)
}

class ConstantPredicate implements Predicate {
  readonly always: boolean

  constructor(always: boolean) {
    this.always = always
  }

  select(batch: Batch, into: Uint8Array): void {
    into.fill(this.always ? 1 : 0, 0, batch.count)
  }

  narrow(rows: Rows, open: Uint8Array): void {
    if (!this.always) open.fill(0, 0, rows.count)
  }
}

class PriorityPredicate implements Predicate {
  readonly #test: PriorityTest

  constructor(test: PriorityTest) {
    this.#test = test
  }

  select(batch: Batch, into: Uint8Array): void {
    const { table } = this.#test
    const { count } = batch
    prioritiesOf(batch, into)
    for (let i = 0; i < count; i += 1) into[i] = table[into[i]]
  }

  narrow(rows: Rows, open: Uint8Array): void {
    this.#test.narrow(rows, open)
  }
}

class TestPredicate implements Predicate {
  readonly #test: Test

  constructor(test: Test) {
    this.#test = test
  }

  select(batch: Batch, into: Uint8Array): void {
    into.fill(1, 0, batch.count)
    this.#test.narrow(new BatchRows(batch), into)
  }

  narrow(rows: Rows, open: Uint8Array): void {
    this.#test.narrow(rows, open)
  }
}
