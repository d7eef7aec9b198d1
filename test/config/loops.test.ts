import { expect, test } from 'vitest'
import { summaryOf } from '../../config/command/check.ts'
import type { Configuration } from '../../config/configuration.ts'
import { loadText } from '../../config/load.ts'
import { loopsOf } from '../../config/loops.ts'

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

test('each source compiles its patterns once, and they are tried only for destinations that a route connects with it', () => {
  const numbers = Array.from({ length: 40 }, (_, i) => i)
  const each = (entry: (i: number) => string) => numbers.map(entry).join('')
  const text = `sources:\n${each((i) => `  s${i}: { type: file, paths: [/x/${i}.log] }\n`)}
destinations:\n${each((i) => `  d${i}: { type: file, path: /x/${i}.log }\n`)}
routes:\n${each((i) => `  - { from: [s${i}], to: [d${i}] }\n`)}`
  const configuration = loadText('x', text).configuration!
  let compiled = 0
  let tried = 0
  const counted = configuration.sources.map((source): Configuration['sources'][number] => ({
    ...source,
    type: {
      ...source.type,
      reads(options) {
        compiled += 1
        const reads = source.type.reads!(options)
        return (path) => {
          tried += 1
          return reads(path)
        }
      },
    },
  }))
  expect(loopsOf({ ...configuration, sources: counted })).toHaveLength(40)
  expect([compiled, tried]).toEqual([40, 40])
})
