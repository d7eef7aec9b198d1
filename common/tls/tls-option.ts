// The option `tls:` of listeners and forwards.

import type { Misfit } from '../component.ts'
import type { Disk } from '../disk.ts'
import { about, oneOf, options } from '../option.ts'
import { path } from '../option-values.ts'
import { readTlsKeys, TlsFileFault, type TlsFiles } from './tls-files.ts'

const file = (what: string) => path(what, 'such as /etc/sluice/tls.pem')
const certFile = () => file('a certificate’s file')
const keyFile = () => file('a key’s file')
const caFile = () => file('a file of certificates')
const verifyWords = () => oneOf('required', 'optional', 'none')

/** `tls:` of a listener: `cert` and `key` are required. */
export function listenerTls() {
  return options({
    cert: certFile().describe('Certificate of this listener in PEM, followed by any intermediate certificates.'),
    key: keyFile().describe('Private key of `cert` in PEM, without a passphrase.'),
    ca: caFile().optional().describe('CA certificates that client certificates are checked against.'),
    verify: verifyWords()
      .optional()
      .describe(
        'Whether clients must present a certificate signed by `ca`: `required` refuses all others; `optional` also accepts clients ' +
          'that present none; `none` does not ask for one. The default is `required` if there is a `ca`, else `none`.',
      ),
  })
    .superRefine(
      ({ ca, verify }, context) => {
        if (ca !== undefined || verify === undefined || verify === 'none') return
        const message = `"verify: ${verify}" needs "ca": the certificates of those who sign for clients`
        context.addIssue({ code: 'custom', message, path: ['verify'] })
      },
      about('ca', 'verify'),
    )
    .transform(({ verify, ...files }) => ({
      ...files,
      verify: verify ?? (files.ca === undefined ? ('none' as const) : ('required' as const)),
    }))
}

/** `tls:` of a forward: everything is optional. */
export function forwardTls() {
  return options({
    cert: certFile().optional().describe('Client certificate in PEM, for receivers that ask for one.'),
    key: keyFile().optional().describe('Private key of `cert` in PEM, without a passphrase.'),
    ca: caFile()
      .optional()
      .describe(
        'CA certificates that the receiver is checked against; by default the public ones that come with Node.',
      ),
    verify: verifyWords()
      .prefault('required')
      .describe(
        'Whether the receiver must present a certificate signed by `ca` for the name or address in `to`. With SRV records it must be for ' +
          'the name they are looked up under, or for their target if that is a subdomain of it. `required` sends to no other receiver; ' +
          '`optional` warns and sends; `none` does not check.',
      ),
  }).superRefine(
    ({ cert, key }, context) => {
      if ((cert === undefined) === (key === undefined)) return
      const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key']
      context.addIssue({ code: 'custom', message: `"${given}" needs "${missing}" beside it`, path: [given] })
    },
    about('cert', 'key'),
  )
}

/** Whether the scheme of an address uses TLS. */
export function speaksTls({ scheme }: { readonly scheme: string }): boolean {
  return scheme === 'tls' || scheme === 'relps'
}

/** Checks the files that the option names. Returns the problems of each file, or if there are none, whether they match each other. */
export async function examineTls(files: TlsFiles | undefined, disk: Disk): Promise<readonly Misfit[]> {
  if (!files) return []
  const misfits: Misfit[] = []
  for (const which of ['cert', 'key', 'ca'] as const) misfits.push(...(await misfitOf({ [which]: files[which] }, disk)))
  return misfits.length > 0 ? misfits : misfitOf(files, disk)
}

async function misfitOf(files: TlsFiles, disk: Disk): Promise<readonly Misfit[]> {
  try {
    await readTlsKeys(files, disk)
    return []
  } catch (error) {
    if (!(error instanceof TlsFileFault)) throw error
    return [{ path: ['tls', error.which], sentence: error.detail }]
  }
}
