import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Configuration } from '../../config/configuration.ts'
import { reportRenamedSources } from '../../config/renamed-sources.ts'
import { fakePlatform } from '../fake/platform.ts'

/** What is logged, with reading positions of some names. */
async function logged(positions: readonly string[], configured: Record<string, string>) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
  onTestFinished(() => rmSync(dataFolder, { recursive: true }))
  for (const name of positions) mkdirSync(join(dataFolder, 'sources', name), { recursive: true })
  const sources = Object.entries(configured).map(([name, type]) => ({ name, type: { type } }))
  const platform = fakePlatform()
  await reportRenamedSources({ dataFolder, sources: sources as unknown as Configuration['sources'] }, platform)
  return platform.log.lines.map(({ values }) => values)
}

test('a file source that seems to have been renamed is reported, with the positions that nobody uses', async () => {
  const lines = await logged(['old', 'kept'], { kept: 'file', new: 'file', network: 'syslog' })
  expect(lines).toEqual([expect.objectContaining({ sources: ['new'], unused: ['old'] })])
})

test('a source that is only added, or only removed, is not reported', async () => {
  expect(await logged([], { first: 'file' })).toEqual([])
  expect(await logged(['kept'], { kept: 'file', added: 'file' })).toEqual([])
  expect(await logged(['kept', 'removed'], { kept: 'file', network: 'syslog' })).toEqual([])
})
