// The import rules of ARCHITECTURE.md: common ← shipper, collector ← config ← main, and who may touch the system.
// `test/import-rules.test.ts` plants a violation of each rule and expects it to be caught.

/** What stands for the operating system, and the only files that may import it. */
const seams = [
  { module: 'fs', allowed: '^common/(disk|local-devices|file-access)\\.ts$' },
  { module: '(net|dgram|tls|dns)', allowed: '^common/net/' },
  { module: 'timers', allowed: '^common/clock\\.ts$' },
  // Threads are started in one place; what runs in one (`…-worker.ts`) knows its own port.
  { module: 'worker_threads', allowed: '^common/worker\\.ts$|-worker\\.ts$' },
]

/** Each npm package enters through one file. */
const packages = {
  'better-sqlite3': '^collector/archive/sqlite\\.ts$',
  'better-sqlite3-13': '^collector/archive/sqlite\\.ts$',
  commander: '^config/command/command-line\\.ts$',
  chokidar: '^shipper/tail/watch\\.ts$',
  koffi: '^common/net/libc\\.ts$',
  picomatch: '^shipper/tail/pattern\\.ts$',
  yaml: '^config/yaml\\.ts$',
  zod: '^common/option\\.ts$',
  pino: '^common/log\\.ts$',
  'pino-pretty': '^common/log\\.ts$',
  'prom-client': '^common/metric\\.ts$',
  'unix-dgram': '^common/net/unix-datagrams\\.ts$',
  'zstd-napi': '^common/zstd\\.ts$',
}

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'common-knows-nobody',
      severity: 'error',
      from: { path: '^common/' },
      to: { path: '^(shipper|collector|config|test)/|^main\\.ts' },
    },
    {
      name: 'shipper-knows-common',
      severity: 'error',
      from: { path: '^shipper/' },
      to: { path: '^(collector|config|test)/|^main\\.ts' },
    },
    {
      name: 'collector-knows-common',
      severity: 'error',
      from: { path: '^collector/' },
      to: { path: '^(shipper|config|test)/|^main\\.ts' },
    },
    { name: 'config-knows-not-main', severity: 'error', from: { path: '^config/' }, to: { path: '^test/|^main\\.ts' } },
    { name: 'no-barrels', severity: 'error', from: {}, to: { path: '(^|/)index\\.ts$' } },
    ...seams.map(({ module, allowed }) => ({
      name: `only-through-the-seam-${module.replace(/\W/g, '')}`,
      severity: 'error',
      from: { path: '^(main\\.ts|common|shipper|collector|config)', pathNot: allowed },
      to: { path: `^(node:)?${module}(/promises)?$`, dependencyTypes: ['core'] },
    })),
    ...Object.entries(packages).map(([name, allowed]) => ({
      name: `one-door-${name}`,
      severity: 'error',
      from: { path: '^(main\\.ts|common|shipper|collector|config)', pathNot: allowed },
      // An optional package that is not installed is not resolved, and has no path but its name.
      to: { path: `(^|node_modules/(@types/)?)${name}(/|$)` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
