// What STYLE asks of every source file, held by a test.

import { readdirSync, readFileSync } from 'node:fs'
import { join, basename } from 'node:path'
import { expect, test } from 'vitest'
import { faultCodes } from '../common/fault-codes.ts'
import { dropReasonTable, metricTable } from '../common/metric.ts'

const root = join(import.meta.dirname, '..')
const LINES_MAX = 400

const rooms = ['common', 'shipper', 'collector', 'config', 'test']
const files = [
  'main.ts',
  ...rooms.flatMap((room) => {
    const names = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    return names.filter((name) => name.endsWith('.ts')).map((name) => join(room, name))
  }),
]
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')

test('tidy: there are sources to look at', () => {
  expect(files.length).toBeGreaterThan(200)
})

test('tidy: a source file has at most 400 lines', () => {
  const long = files.flatMap((path) => {
    const lines = textOf(path).split('\n').length - 1
    return lines > LINES_MAX ? [`${path}: ${lines}`] : []
  })
  expect(long).toEqual([])
})

test('tidy: no file collects leftovers', () => {
  const leftover = /^(index|utils?|helpers?|misc|managers?|common|shared)(\.test)?\.ts$|(^|-)(util|helper|manager)s?\b/
  expect(files.filter((path) => leftover.test(basename(path)))).toEqual([])
})

test('tidy: file names are kebab-case', () => {
  expect(files.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(path)))).toEqual([])
})

// What a simulation replaces has one place each; a method such as `socket.setTimeout` is another thing.
test('tidy: time is asked of common/clock.ts, and chance of common/random.ts', () => {
  const asked =
    /(?<![.\w])(Date\.now|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate|Math\.random|random(Bytes|UUID|Int))\(/
  const places = new Set(['common/clock.ts', 'common/random.ts'])
  const sources = files.filter((path) => !path.startsWith('test/') && !places.has(path))
  expect(sources.filter((path) => asked.test(textOf(path)))).toEqual([])
})

test('tidy: what the tables of the handbook name is used: metrics, fault codes, and reasons for a drop', () => {
  const tables = new Set(['common/metric.ts', 'common/fault-codes.ts'])
  const sources = files.filter((path) => !path.startsWith('test/') && !tables.has(path)).map(textOf)
  // A reason may also be the code of the fault with which a write failed.
  const reasons = Object.keys(dropReasonTable).filter((reason) => !(reason.toUpperCase() in faultCodes))
  const names = [...Object.keys(metricTable), ...Object.keys(faultCodes), ...reasons]
  expect(names.filter((name) => !sources.some((text) => text.includes(`'${name}'`)))).toEqual([])
})

test('tidy: nothing is put off in a comment', () => {
  const mark = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X\\b'].join(''))
  expect(files.filter((path) => mark.test(textOf(path)))).toEqual([])
})
