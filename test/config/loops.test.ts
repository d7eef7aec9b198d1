import { expect, test } from 'vitest'
import { summaryOf } from '../../config/command/check.ts'
import { loadText } from '../../config/load.ts'

function notes(paths: string, path: string, from = ''): string[] {
  const sources = `sources: { apps: { type: file, paths: [${paths}], exclude: [not.log] }, in: { type: stdin } }`
  const text = `${sources}\ndestinations: { out: { type: file, path: "${path}" } }\nroutes: [{ ${from} to: [out] }]\n`
  const lines = summaryOf(loadText('x', text).configuration!).split('\n')
  return lines.flatMap((line) => /^ {2}note +(.*)/.exec(line)?.[1] ?? [])
}

test('the summary notes a source that reads what a destination writes, if a route connects them', () => {
  const loop = (path: string) => [
    `apps reads what out writes (such as ${path}): its lines would come again without end`,
  ]
  expect(notes('/x/*.log', '/x/all.log')).toEqual(loop('/x/all.log'))
  expect(notes('"/x/**/*.log"', '/x//y/{host}/{program}.log')).toEqual(loop('/x/y/unknown/unknown.log'))
  expect(notes('/x/*.log', '/x/all.txt')).toEqual([])
  expect(notes('/x/*.log', '/x/not.log')).toEqual([])
  expect(notes('/x/*.log', '/x/all.log', 'from: [in],')).toEqual(['no route takes from apps'])
})
