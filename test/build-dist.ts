// Before any test: worker threads run compiled files (`common/worker.ts`), so `dist/` has to be no older than its sources.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const sources = ['main.ts', 'common', 'shipper', 'collector', 'config']

function newest(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return path.endsWith('.ts') ? stat.mtimeMs : 0
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

export default function buildDist(): void {
  const stamp = join(root, 'dist', '.tsbuildinfo')
  const built = existsSync(stamp) ? statSync(stamp).mtimeMs : 0
  if (sources.every((name) => !existsSync(join(root, name)) || newest(join(root, name)) < built)) return
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  // Type errors are shown and left to the type check: tsc writes its output all the same.
  spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
}
