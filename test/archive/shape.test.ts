// The shape of a header is the same whether its layout is recognised as a plain one or found by its gaps.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Dictionary } from '../../collector/archive/dictionary.ts'
import { NOT_PLAIN, plainLayout } from '../../collector/archive/plain-header.ts'
import { ShapeFinder } from '../../collector/archive/shape.ts'
import { parseHeaders } from '../../common/message/parse.ts'
import { zoneNamed } from '../../common/message/zone.ts'
import { newHeaderTable } from '../../common/pipeline/header-table.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const RECEIVED = Date.UTC(2026, 10, 23, 10) * 1000

function parsed(messages: readonly string[]) {
  const batch = batchOf(messages, originOf({ zone: zoneNamed('Europe/Berlin')! }), RECEIVED)
  const table = newHeaderTable(batch.count)
  parseHeaders(batch, table)
  // Reading beyond the last message throws.
  const view = new DataView(batch.slab.view.buffer, batch.slab.view.byteOffset, batch.bounds[2 * messages.length - 1])
  return { view, bounds: batch.bounds, table }
}

/** The layout of each message's header. */
function layoutsOf(messages: readonly string[]): number[] {
  const { view, bounds, table } = parsed(messages)
  return messages.map((_, i) => plainLayout(view, table, i, bounds[2 * i]))
}

/** Number, unit and `kept` of each message's shape. `finderOf` returns the finder for a message. */
function shapesOf(messages: readonly string[], finderOf: () => ShapeFinder) {
  const { view, bounds, table } = parsed(messages)
  const dictionary = new Dictionary()
  return messages.map((_, i) => {
    const finder = finderOf()
    const number = finder.numberIn(dictionary, view, table, i, bounds[2 * i])
    return [number, finder.unit, finder.kept]
  })
}

const plain = [
  '<34>Oct 11 22:14:15 mymachine su[230]: text',
  '<165>Oct  1 22:14:15 mymachine su: text',
  '<0>1 2003-10-11T22:14:15.003Z mymachine su 230 ID47 [id a="b"] text',
  '<34>1 2003-10-11T22:14:15.003001Z mymachine su - - - text',
  '<34>1 2003-10-11T22:14:15Z - - - - - ',
]

test('archive: headers that nearly all messages have are recognised as plain', () => {
  const layouts = layoutsOf(plain)
  expect(layouts).not.toContain(NOT_PLAIN)
  expect(new Set(layouts).size).toBe(plain.length)
})

test.each([
  '<034>Oct 11 22:14:15 mymachine su[230]: zero in front of the priority',
  'Oct 11 22:14:15 mymachine su[230]: no priority',
  '<34>Oct 01 22:14:15 mymachine su[230]: day with a zero',
  '<34>oct 11 22:14:15 mymachine su[230]: small month',
  '<34>Oct 11 22:14:15: mymachine su[230]: colon behind the time',
  '<34>Oct 11 22:14:15:mymachine su[230]: colon in place of a space',
  '<34>Oct 11 22:14:15 mymachine su[230]:no space',
  '<34>1 2003-10-11T22:14:15.003+00:00 mymachine su - - - zone in digits',
  '<34>1 2003-10-11T22:14:15.003z mymachine su - - - small z',
  '<34>1 2003-10-11T22:14:15.0030001Z mymachine su - - - seven digits',
  '<34>1 2016-12-31T23:59:60Z mymachine su - - - leap second',
  '<34>1 2003-10-11T22:14:15Z mymachine su - - text without structured data',
  '<34>1 2003-10-11T22:14:15Z mymachine su - - ',
  '<34>1 2003-10-11T22:14:15Z mymachine su - -',
  '<34>1 2003-10-11T22:14:15Z mymachine su - - - \ufeffbyte order mark',
  'text',
])('archive: not a plain header: %s', (message) => {
  expect(layoutsOf([message])).toEqual([NOT_PLAIN])
})

/** Nearly always one of `usual`, so that many messages have the same layout. */
const mostly = (usual: readonly string[], unusual: readonly string[]) =>
  fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...unusual) })

const space = mostly([' '], ['  ', '', ':', '\t'])
const column = mostly(['-', 'a', 'su', '230'], ['--', ''])
const priority = mostly(['<34>', '<3>', '<165>'], ['<034>', '<999>', ''])
const bsdTime = mostly(
  ['Oct 11 22:14:15', 'Oct 11 22:14:16', 'Nov  1 22:14:15'],
  ['Oct 01 22:14:15', 'oct 11 22:14:15', 'Oct 11 22:14:15.5'],
)
const isoTime = fc
  .tuple(
    mostly(['2003-10-11T22:14:15', '2003-10-11T22:14:16', '2200-01-01T00:00:00'], ['2016-12-31T23:59:60']),
    mostly(['', '.003', '.003001'], ['.0030010', ',003']),
    mostly(['Z'], ['z', '+01:00', '']),
  )
  .map((parts) => parts.join(''))
const rfc3164 = fc
  .tuple(
    priority,
    bsdTime,
    space,
    column,
    space,
    column,
    mostly(['[230]', ''], ['[x]', '[230)']),
    mostly([': '], [':']),
  )
  .map((parts) => `${parts.join('')}text`)
const structuredData = mostly(['-', '[id a="b"]'], ['a', '[id'])
const rfc5424 = fc
  .tuple(
    priority,
    fc.constant('1 '),
    isoTime,
    ...[1, 2, 3, 4].flatMap(() => [space, column]),
    space,
    structuredData,
    space,
  )
  .map((parts) => `${parts.join('')}text`)
const cut = fc
  .tuple(fc.oneof(rfc3164, rfc5424), fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(40)))
  .map(([message, bytes]) => message.slice(0, Math.max(0, message.length - bytes)))

test('archive: a header has the same shape whether its layout is recognised or found', () => {
  fc.assert(
    fc.property(fc.array(cut, { minLength: 1, maxLength: 30 }), (messages) => {
      const one = new ShapeFinder()
      expect(shapesOf(messages, () => one)).toEqual(shapesOf(messages, () => new ShapeFinder()))
    }),
    { numRuns: 1000 },
  )
})
