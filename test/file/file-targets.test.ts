import { expect, test } from 'vitest'
import { FileTargets } from '../../collector/file/file-targets.ts'
import type { OutputFile } from '../../collector/file/output-file.ts'
import { compilePath } from '../../collector/file/path-template.ts'
import { fieldText } from '../../collector/line-template.ts'
import { utc } from '../../common/message/zone.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const said = (host: string) => `<13>Nov 23 10:00:00 ${host} app: x`
const targetsOf = (path: string) =>
  new FileTargets(compilePath(path), utc, 1, (found) => ({ path: found }) as OutputFile, fieldText)

test('targets: if more senders come within an hour than the cache has room for, each has its own file', () => {
  const peers = Array.from({ length: 175_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  const runs = peers.map((peer) => ({ count: 1, origin: originOf({ peer }) }))
  const bounds = new Uint32Array(2 * peers.length).map((_, i) => i % 2)
  const batch = { ...batchOf(['x'], originOf(), 0), bounds, count: peers.length, runs }
  const wrong: string[] = []
  targetsOf('/logs/{peer}.log').each(batch, (i, { path }) => {
    if (path !== `/logs/${peers[i]}.log`) wrong.push(path)
  })
  expect(wrong.slice(0, 3)).toEqual([])
})

test('targets: a sender whose messages fill the cache keeps its own file for hosts that other senders name too', () => {
  const hosts = Array.from({ length: 10_000 }, (_, i) => `${i}`.padStart(100, 'h'))
  const targets = targetsOf('/logs/{peer}/{host}.log')
  const paths: string[] = []
  for (const [peer, names] of [
    ['10.0.0.1', [...hosts, 'web']],
    ['10.0.0.2', ['web']],
  ] as const) {
    const batch = batchOf(names.map(said), originOf({ peer }), 0)
    targets.each(batch, (_, { path }) => void paths.push(path))
  }
  expect(paths.slice(-2)).toEqual(['/logs/10.0.0.1/web.log', '/logs/10.0.0.2/web.log'])
})
