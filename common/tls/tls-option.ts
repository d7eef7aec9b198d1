// The option `tls:` of listeners and forwards.

import type { Misfit } from '../component.ts'
import type { Disk } from '../disk.ts'
import { oneOf, options, text } from '../option.ts'
import { readTlsKeys, TlsFileFault, type TlsFiles } from './tls-files.ts'

const file = (what: string) => text(what, 'such as /etc/sluice/tls.pem')
const certFile = () => file('a certificate’s file')
const keyFile = () => file('a key’s file')
const caFile = () => file('a file of certificates')
const verifyWords = () => oneOf('required', 'optional', 'none')

/** Of a listener: `cert` and `key` must be there. */
export function listenerTls() {
  return options({
    cert: certFile().describe('Our certificate in PEM, and behind it those between it and its root.'),
    key: keyFile().describe('Its key in PEM, without a passphrase.'),
    ca: caFile().optional().describe('Certificates of those who sign for clients.'),
    verify: verifyWords()
      .optional()
      .describe(
        'Whether clients must show a certificate that `ca` signed: `required` turns others away; `optional` takes those that show ' +
          'none as well; `none` does not ask. Without it, `required` where there is a `ca`, else `none`.',
      ),
  })
    .superRefine(({ ca, verify }, context) => {
      if (ca !== undefined || verify === undefined || verify === 'none') return
      const message = `"verify: ${verify}" needs "ca": the certificates of those who sign for clients`
      context.addIssue({ code: 'custom', message, path: ['verify'] })
    })
    .transform(({ verify, ...files }) => ({
      ...files,
      verify: verify ?? (files.ca === undefined ? ('none' as const) : ('required' as const)),
    }))
}

/** Of a forward: everything may be left out. */
export function forwardTls() {
  return options({
    cert: certFile().optional().describe('Our certificate in PEM, for receivers that ask for one.'),
    key: keyFile().optional().describe('Its key in PEM, without a passphrase.'),
    ca: caFile()
      .optional()
      .describe('Certificates of those who sign for receivers; without it, the public ones that Node brings along.'),
    verify: verifyWords()
      .prefault('required')
      .describe(
        'Whether the receiver must show a certificate that `ca` signed and that carries its name or address as `to` has it, or the ' +
          'name that SRV records are asked of (their target’s name only where it lies below that one): `required` sends to no other; `optional` warns and sends; `none` does not look.',
      ),
  }).superRefine(({ cert, key }, context) => {
    if ((cert === undefined) === (key === undefined)) return
    const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key']
    context.addIssue({ code: 'custom', message: `"${there}" needs "${missing}" beside it`, path: [there] })
  })
}

/** Whether an address is one of TLS. */
export function speaksTls({ scheme }: { readonly scheme: string }): boolean {
  return scheme === 'tls' || scheme === 'relps'
}

/** What is wrong with the files that the option names, and where: with each, else with how they fit together. */
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
