// Reads certificates and keys from files. They are read again for every outgoing connection, and on SIGHUP for listeners, so
// that renewed certificates need no restart.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { Disk } from '../disk.ts'
import { Fault, whyUnreadable } from '../fault.ts'
import { CONFIG_BYTES_MAX } from '../limits.ts'
import type { TlsKeys } from '../net/net.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly ca?: string | undefined
}

/** `TLS_KEYS`, with the file at fault. Retryable, because certificate and key are replaced one after the other. */
export class TlsFileFault extends Fault {
  readonly which: keyof TlsFiles

  constructor(which: keyof TlsFiles, path: string, sentence: string, cause?: unknown) {
    super('TLS_KEYS', `${path} ${sentence}`, { retryable: true, cause })
    this.which = which
  }
}

/** Reads the files, and checks their format and that key and certificate match. Rejects with a `TlsFileFault`. */
export async function readTlsKeys(files: TlsFiles, disk: Disk): Promise<TlsKeys> {
  const cert = files.cert === undefined ? undefined : await read('cert', files.cert, disk)
  const key = files.key === undefined ? undefined : await read('key', files.key, disk)
  const ca = files.ca === undefined ? undefined : await read('ca', files.ca, disk)
  const certificates = cert && certificatesOf('cert', files.cert!, cert)
  if (ca) certificatesOf('ca', files.ca!, ca)
  const parsed = key && keyOf(files.key!, key)
  if (certificates && parsed && !certificates[0].checkPrivateKey(parsed)) {
    throw new TlsFileFault('key', files.key!, `is not the key of ${files.cert}`)
  }
  return { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) }
}

async function read(which: keyof TlsFiles, path: string, disk: Disk): Promise<Buffer> {
  try {
    return await disk.readFile(path, CONFIG_BYTES_MAX)
  } catch (error) {
    throw new TlsFileFault(which, path, `cannot be read: ${whyUnreadable(error)}`, error)
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Parses all certificates in a PEM file; throws a `TlsFileFault` if there is none. */
function certificatesOf(which: 'cert' | 'ca', path: string, pem: Buffer): X509Certificate[] {
  const blocks = pem.toString('latin1').match(CERTIFICATE)
  if (!blocks) throw new TlsFileFault(which, path, 'holds no certificate in PEM (-----BEGIN CERTIFICATE-----)')
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    throw new TlsFileFault(which, path, 'holds a damaged certificate', error)
  }
}

function keyOf(path: string, pem: Buffer): KeyObject {
  const text = pem.toString('latin1')
  if (!text.includes('PRIVATE KEY-----')) {
    throw new TlsFileFault('key', path, 'holds no private key in PEM (-----BEGIN PRIVATE KEY-----)')
  }
  try {
    return createPrivateKey(pem)
  } catch (error) {
    const isEncrypted = /ENCRYPTED/.test(text)
    throw new TlsFileFault(
      'key',
      path,
      isEncrypted ? 'is encrypted; a daemon cannot ask for its passphrase' : 'holds a damaged key',
      error,
    )
  }
}
