import { expect, test } from 'vitest'
import { isForCompressed, PathPatterns } from '../../shipper/tail/pattern.ts'

test.each([
  ['/logs/app (prod)', '/logs/app \\(prod\\)/*.log', 1],
  ['/logs/app[1]', '/logs/app\\[1\\]/*.log', 1],
  ['/logs/{a}', '/logs/\\{a\\}/*/x.log', 2],
  ['/logs/a\\x2db', '/logs/a\\x2db/x.log', 1],
])('the folder %s is searched for %s', (folder, pattern, depth) => {
  const patterns = new PathPatterns([pattern], [])
  expect(patterns.bases).toEqual([folder])
  expect(patterns.depth).toBe(depth)
  expect(patterns.matches(`${folder}${'/x'.repeat(depth)}.log`)).toBe(true)
})

test.each(['\n', '\r', ' '])('** stands for a folder with %j in its name', (character) => {
  const patterns = new PathPatterns(['/logs/**/*.log'], [`${character}.log`])
  expect(patterns.matches(`/logs/a${character}b/x.log`)).toBe(true)
  expect(patterns.matches(`/logs/a${character}b/${character}.log`)).toBe(false)
})

test('parentheses and | are text, and a choice as well', () => {
  const matches = (pattern: string, path: string) => new PathPatterns([pattern], []).matches(path)
  expect(matches('/logs/Program Files (x86)/*.log', '/logs/Program Files (x86)/a.log')).toBe(true)
  expect(matches('/logs/a|b.log', '/logs/a|b.log')).toBe(true)
  expect(matches('/logs/(a|b)*.log', '/logs/b1.log')).toBe(true)
  expect(matches('/logs/@(a|b).log', '/logs/b.log')).toBe(true)
  expect(matches('/logs/(a|b)*.log', '/logs/c.log')).toBe(false)
  expect(new PathPatterns(['/logs/*.log'], ['x (1).log']).matches('/logs/x (1).log')).toBe(false)
})

test.each(['.gz', '.zst', '.bz2', '.xz'])(
  'a compressed file (%s) matches no pattern, but may be named or excluded',
  (ending) => {
    const path = `/logs/app.log.1${ending}`
    expect(new PathPatterns(['/logs/app.log*', `/logs/*${ending}`], []).matches(path)).toBe(false)
    expect(new PathPatterns([path], []).matches(path)).toBe(true)
    expect(new PathPatterns([path], [`*${ending}`]).matches(path)).toBe(false)
  },
)

test('a pattern that only compressed files fit is told from one that others fit too, and from a name', () => {
  expect(['/logs/*.gz', '*.zst'].every(isForCompressed)).toBe(true)
  expect(['/logs/*.{log,gz}', '/logs/a.gz', '/logs/*.gz.log'].some(isForCompressed)).toBe(false)
})
