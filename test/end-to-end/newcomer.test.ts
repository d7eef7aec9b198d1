// The first minute with sluice: a server without a configuration, `logger` and `grep`; then with a changed configuration.

import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { peerProgram, testWith } from './peers.ts'
import { freePort, run, started, temporaryFolder, until, type Setting } from './program.ts'

const PORT = 5514
/** With a configuration installed here, the server would not start without one. */
const installed = existsSync('/etc/sluice/sluice.yaml')
const NOBODY = 65534

/** A new user: an empty working folder, and not root. */
function newcomer(): Setting & { cwd: string } {
  const cwd = temporaryFolder()
  if (process.getuid?.() !== 0) return { cwd }
  chownSync(cwd, NOBODY, NOBODY)
  return { cwd, uid: NOBODY }
}

const logger = (port: number, ...words: string[]) =>
  execFileSync(peerProgram('logger')!, ['-n', '127.0.0.1', '-P', String(port), ...words])

const found = (setting: Setting, word: string) =>
  until(`grep finds ${word}`, async () => {
    const { status, stdout } = await run(['grep', '-O', 'cat', word], setting)
    return status === 0 && stdout
  })

testWith(
  ['logger'],
  'without a configuration the server listens on 5514 and prints three commands to try, which work',
  async () => {
    if (installed) return
    const setting = newcomer()
    // A sluice that already runs on this machine may have the port; then this test cannot be made.
    const server = await started(['server'], setting).catch((error: Error) => error)
    if (server instanceof Error) {
      expect(server.message).toContain('PORT_TAKEN')
      return
    }
    const { stdout } = await until(
      'the commands to try are printed',
      () => server.output().stdout.includes('Ctrl-C') && server.output(),
    )
    expect(stdout).toContain("logger -n 127.0.0.1 -P 5514 -d 'hello'")
    expect(stdout).toContain('npx sluice grep hello')
    expect(stdout).toContain('npx sluice grep -p err -S -1h')
    expect(stdout).toContain('npx sluice server --print-config')

    logger(PORT, '-d', 'hello')
    expect(await found(setting, 'hello')).toBe('hello\n')
    logger(PORT, '-T', '-p', 'user.err', 'trouble')
    await found(setting, 'trouble')
    const errors = await run(['grep', '-p', 'err', '-S', '-1h', '-O', 'cat'], setting)
    expect(errors).toEqual({ status: 0, stdout: 'trouble\n', stderr: '' })
    expect(existsSync(join(setting.cwd, 'sluice-data', 'archive'))).toBe(true)
    expect(await server.stop()).toBe(0)
    expect(server.output().stderr).toContain('"msg":"counters"')
  },
)

testWith(['logger'], 'the printed configuration, changed and saved as ./sluice.yaml, is found and used', async () => {
  const setting = newcomer()
  const port = await freePort()
  const { stdout } = await run(['server', '--print-config'])
  writeFileSync(join(setting.cwd, 'sluice.yaml'), `data: kept\n${stdout.replaceAll(String(PORT), String(port))}`)
  const server = await started(['server'], setting)
  logger(port, '-d', 'hello again')
  expect(await found(setting, 'again')).toBe('hello again\n')
  expect(existsSync(join(setting.cwd, 'kept', 'archive'))).toBe(true)
  expect(await server.stop('SIGINT')).toBe(0)
})

test.skipIf(installed)('a working folder without write permission: exit status 2, with advice', async () => {
  const setting = newcomer()
  chownSync(setting.cwd, process.getuid!(), process.getgid!())
  chmodSync(setting.cwd, 0o755)
  if (setting.uid === undefined) writeFileSync(join(setting.cwd, 'sluice-data'), '') // its owner may write there, so a file is in the way
  const { status, stderr } = await run(['server'], setting)
  expect(status).toBe(2)
  expect(stderr).toContain('"code":"DATA_UNWRITABLE"')
  expect(stderr).toContain('make the folder writable for this user, or choose another one with `data:`')
})
