import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { findFiles } from '../../shipper/tail/find-files.ts'
import { PathPatterns } from '../../shipper/tail/pattern.ts'

test('a folder or a device in place of a file is reported if it is named, not if a pattern matches it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of ['app', 'app/deep', 'excluded', 'old.log']) mkdirSync(join(folder, name))
  for (const name of ['app/a.log', 'b.log']) writeFileSync(join(folder, name), '')
  const paths = ['app', 'app/*', 'excluded', '*.log', 'missing'].map((path) => join(folder, path))
  const found: string[] = []
  const failed = new Map<string, string>()
  await findFiles(systemDisk, new PathPatterns([...paths, '/dev/null'], ['excluded']), {
    file: ({ path }) => found.push(path),
    folder: () => {},
    failed: (path, reason) => failed.set(path, reason),
  })
  expect(found.sort()).toEqual([join(folder, 'app/a.log'), join(folder, 'b.log')])
  expect([...failed.keys()].sort()).toEqual(['/dev/null', join(folder, 'app')])
  expect(failed.get('/dev/null')).toContain('device')
  expect(failed.get(join(folder, 'app'))).toContain('*.log')
})
