// The import rules hold, and each of them catches what it is there for: a copy of the sources with one violation of every
// rule planted in it.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const rooms = ['main.ts', 'common', 'shipper', 'collector', 'config']

/** rule → a file that breaks it, and its text. */
const plants: Record<string, readonly [path: string, text: string]> = {
  'no-cycles': ['common/planted/back.ts', "import './there.ts'"],
  'common-knows-nobody': ['common/planted/knows.ts', "import '../../config/load.ts'"],
  'shipper-knows-common': ['shipper/planted.ts', "import '../collector/stdout.ts'"],
  'collector-knows-common': ['collector/planted.ts', "import '../shipper/source/stdin.ts'"],
  'config-knows-not-main': ['config/planted.ts', "import '../main.ts'"],
  'no-barrels': ['config/planted-barrel.ts', "import './planted/index.ts'"],
  'only-through-the-seam-fs': ['shipper/planted-fs.ts', "import 'node:fs/promises'"],
  'only-through-the-seam-netdgramtlsdns': ['common/planted-net.ts', "import 'node:dgram'"],
  'only-through-the-seam-timers': ['collector/planted-timers.ts', "import 'node:timers/promises'"],
  'only-through-the-seam-worker_threads': ['config/planted-threads.ts', "import 'node:worker_threads'"],
  'one-door-better-sqlite3': ['collector/planted-sqlite.ts', "import 'better-sqlite3'"],
  'one-door-better-sqlite3-13': ['collector/planted-sqlite-13.ts', "import 'better-sqlite3-13'"],
  'one-door-chokidar': ['shipper/planted-chokidar.ts', "import 'chokidar'"],
  'one-door-commander': ['common/planted-commander.ts', "import 'commander'"],
  'one-door-koffi': ['collector/planted-koffi.ts', "import 'koffi'"],
  'one-door-picomatch': ['common/planted-picomatch.ts', "import 'picomatch'"],
  'one-door-yaml': ['config/planted-yaml.ts', "import 'yaml'"],
  'one-door-zod': ['config/planted-zod.ts', "import type {} from 'zod'"],
  'one-door-pino': ['common/planted-pino.ts', "import 'pino'"],
  'one-door-pino-pretty': ['config/planted-pretty.ts', "import 'pino-pretty'"],
  'one-door-prom-client': ['collector/planted-metrics.ts', "import 'prom-client'"],
  'one-door-unix-dgram': ['config/planted-datagrams.ts', "import 'unix-dgram'"],
  'one-door-zstd-napi': ['collector/planted-zstd.ts', "import 'zstd-napi'"],
}

/** What the planted files import and nobody checks. */
const extras: Record<string, string> = {
  'common/planted/there.ts': "import './back.ts'",
  'config/planted/index.ts': 'export {}',
}

interface Cruised {
  readonly status: number | null
  /** `rule: file` for each error. */
  readonly errors: readonly string[]
}

/** Runs dependency-cruiser in a folder as `npm run check:imports` does. */
function cruise(folder: string): Cruised {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const words = [program, '--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...rooms]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    ...{ cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } },
  })
  if (!stdout.includes('modules')) throw new Error(stderr + stdout)
  return { status, errors: [...stdout.matchAll(/^\s*error (\S+: \S+)/gm)].map((match) => match[1]) }
}

test('import rules: the sources keep them', () => {
  expect(cruise(root)).toEqual({ status: 0, errors: [] })
})

test('import rules: a violation of each is an error that names it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-imports-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of [...rooms, '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [path, text] of [...Object.values(plants), ...Object.entries(extras)]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), `${text}\n`)
  }

  const { status, errors } = cruise(folder)
  expect(status).not.toBe(0)
  for (const [rule, [path]] of Object.entries(plants)) expect(errors).toContain(`${rule}: ${path}`)
})

test('import rules: every package that the program needs has one door', () => {
  const text = readFileSync(join(root, 'package.json'), 'utf8')
  const { dependencies, optionalDependencies } = JSON.parse(text) as Record<string, Record<string, string>>
  const packages = Object.keys({ ...dependencies, ...optionalDependencies })
  expect(packages.filter((name) => !(`one-door-${name}` in plants))).toEqual([])
})

test('import rules: every rule has a violation planted for it', () => {
  const rules = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as { forbidden: { name: string }[] }
  expect(Object.keys(plants).toSorted()).toEqual(rules.forbidden.map(({ name }) => name).toSorted())
})
