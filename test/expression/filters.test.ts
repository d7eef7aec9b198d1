import { describe, expect, test } from 'vitest'
import type { Expression } from '../../common/expression/ast.ts'
import { resolveFilters } from '../../common/expression/filters.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { ExpressionFault } from '../../common/expression/problem.ts'

function filters(texts: Record<string, string>): Map<string, Expression> {
  return new Map(Object.entries(texts).map(([name, text]) => [name, parseExpression(text)]))
}

function problems(text: string, texts: Record<string, string>, name?: string) {
  try {
    resolveFilters(parseExpression(text), filters(texts), text, name)
    return []
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error
    return error.problems.map(({ start, end, sentence, suggestion }) => [start, end, sentence, suggestion])
  }
}

describe('a reference to a filter', () => {
  test('is resolved to its expression, also through other filters', () => {
    const text = 'x -filter:b'
    const resolved = resolveFilters(parseExpression(text), filters({ a: 'severity:err', b: 'filter:a y' }), text)
    const a = { kind: 'filter', name: 'a', start: 7, end: 8, target: parseExpression('severity:err') }
    const b = {
      kind: 'filter',
      name: 'b',
      start: 10,
      end: 11,
      target: { kind: 'and', parts: [a, parseExpression('y')] },
    }
    expect(resolved).toEqual({ kind: 'and', parts: [parseExpression('x'), { kind: 'not', part: b }] })
  })

  test('may refer to a selector', () => {
    const resolved = resolveFilters(parseExpression('filter:a'), filters({ a: '*.err;mail.none' }), 'filter:a')
    expect(resolved).toMatchObject({ kind: 'filter', target: { kind: 'selector' } })
  })

  test('may occur twice', () => {
    expect(problems('filter:a OR filter:b', { a: 'filter:c', b: 'filter:c', c: 'x' })).toEqual([])
  })

  test('to an unknown name is reported with its place', () => {
    expect(problems('x filter:urgnet OR filter:nothing', { urgent: 'x' })).toEqual([
      [9, 15, 'there is no filter "urgnet"', 'urgent'],
      [26, 33, 'there is no filter "nothing"', undefined],
    ])
  })

  test('to a faulty filter is not reported again', () => {
    expect(problems('filter:a', { a: 'filter:missing' })).toEqual([])
    expect(problems('filter:a', { a: 'filter:b', b: 'filter:a' })).toEqual([])
    expect(problems('filter:a', { a: 'filter:a' }, 'b')).toEqual([])
  })
})

describe('a filter that refers to itself is reported with the path', () => {
  test.each([
    ['filter:a', { a: 'filter:a' }, [[7, 8, 'filter "a" leads back to itself: a → a', undefined]]],
    [
      'x filter:b',
      { a: 'x filter:b', b: 'filter:a' },
      [[9, 10, 'filter "a" leads back to itself: a → b → a', undefined]],
    ],
    [
      'filter:b OR filter:c',
      { a: 'filter:b OR filter:c', b: 'filter:c', c: '-filter:a' },
      [
        [7, 8, 'filter "a" leads back to itself: a → b → c → a', undefined],
        [19, 20, 'filter "a" leads back to itself: a → c → a', undefined],
      ],
    ],
  ])('%s', (text, texts, expected) => expect(problems(text, texts as Record<string, string>, 'a')).toEqual(expected))
})

describe('an expression that is too large with its filters', () => {
  const growing = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [`f${i}`, `filter:f${i + 1} OR filter:f${i + 1}`]),
  )
  const chain = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`f${i}`, `filter:f${i + 1}`]))

  test('because each filter refers to the next one twice, is reported at the reference', () => {
    expect(problems('x filter:f0', { ...growing, f60: 'x' })).toEqual([
      [9, 11, 'filter "f0" leads through others to more than 100000 terms', undefined],
    ])
    expect(problems('x filter:f50', { ...growing, f60: 'x' })).toEqual([])
  })

  test('because filters refer to filters too deeply, is reported at the reference', () => {
    expect(problems('filter:f0 filter:f1500', { ...chain, f2000: 'x' })).toEqual([
      [7, 9, 'filter "f0" leads through others to more than 1000 terms inside one another', undefined],
    ])
    expect(problems('filter:f1500', { ...chain, f2000: 'x' })).toEqual([])
  })
})
