import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { readTlsKeys, TlsFileFault, type TlsFiles } from '../../common/tls/tls-files.ts'
import { temporaryFolder } from '../end-to-end/program.ts'
import { keysOf, pathOf } from './certificates.ts'

function written(name: string, text: string): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, text)
  return path
}

async function faultOf(files: TlsFiles): Promise<{ which: string; detail: string }> {
  try {
    await readTlsKeys(files, systemDisk)
  } catch (error) {
    expect(error).toBeInstanceOf(TlsFileFault)
    const { code, which, detail } = error as TlsFileFault
    expect(code).toBe('TLS_KEYS')
    return { which, detail }
  }
  throw new Error('no fault')
}

const cert = pathOf('server.crt')
const key = pathOf('server.key')

test('files that fit are given as they are', async () => {
  const keys = await readTlsKeys({ cert, key, ca: pathOf('ca.crt') }, systemDisk)
  expect(keys).toEqual(keysOf('server', 'ca'))
  expect(await readTlsKeys({}, systemDisk)).toEqual({})
})

test('a file that is not there, or is a folder, is named', async () => {
  expect(await faultOf({ cert: '/nowhere/a.crt', key })).toEqual({
    which: 'cert',
    detail: '/nowhere/a.crt cannot be read: there is no such file',
  })
  expect(await faultOf({ cert, key: '/' })).toEqual({
    which: 'key',
    detail: '/ cannot be read: this is a folder, not a file',
  })
  expect((await faultOf({ ca: '/nowhere/ca.crt' })).which).toBe('ca')
})

test('what has no end is not read for ever', async () => {
  expect(await faultOf({ cert, key: '/dev/zero' })).toEqual({
    which: 'key',
    detail: '/dev/zero cannot be read: it is larger than 4 MiB, the maximum',
  })
})

test('a key of another certificate is a fault', async () => {
  const other = pathOf('client.key')
  expect(await faultOf({ cert, key: other })).toEqual({ which: 'key', detail: `${other} is not the key of ${cert}` })
})

test('key and certificate the other way round are a fault of both kinds', async () => {
  expect((await faultOf({ cert: key, key: cert })).detail).toContain('holds no certificate in PEM')
  expect((await faultOf({ key: cert })).detail).toContain('holds no private key in PEM')
})

test.each(['', 'hello\n', '\0\xff\0'])('%j is no certificate, no key and no ca', async (text) => {
  const path = written('x.pem', text)
  expect((await faultOf({ cert: path })).detail).toContain('holds no certificate')
  expect((await faultOf({ key: path })).detail).toContain('holds no private key')
  expect((await faultOf({ ca: path })).detail).toContain('holds no certificate')
})

test('damaged ones are faults', async () => {
  const torn = written('x.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  expect(await faultOf({ ca: torn })).toEqual({ which: 'ca', detail: `${torn} holds a damaged certificate` })
  const key = written('x.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
  expect(await faultOf({ key })).toEqual({ which: 'key', detail: `${key} holds a damaged key` })
})

test('an encrypted key is a fault that says so', async () => {
  const key = written('x.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n')
  expect((await faultOf({ key })).detail).toContain('is encrypted')
})

test('a chain is taken whole, and text between its certificates too', async () => {
  const chain = `server\n${keysOf('server').cert!.toString()}\nroot\n${keysOf(undefined, 'ca').ca!.toString()}`
  const keys = await readTlsKeys({ cert: written('chain.pem', chain), key }, systemDisk)
  expect(keys.cert?.toString()).toBe(chain)
})
