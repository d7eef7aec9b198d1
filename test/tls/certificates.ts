// The certificates beside this file (README.md).

import { readFileSync } from 'node:fs'
import type { TlsKeys } from '../../common/net/net.ts'

type Name = 'server' | 'renewed' | 'elsewhere' | 'client' | 'expired' | 'stranger'
type Authority = 'ca' | 'stranger-ca'

/** The path of a PEM file: `pathOf('server.crt')`. */
export function pathOf(file: `${Name | Authority}.${'crt' | 'key'}`): string {
  return new URL(file, import.meta.url).pathname
}

/** Certificate and key of `name`, and the ca that peers must be signed by. */
export function keysOf(name?: Name, ca?: Authority): TlsKeys {
  return {
    ...(name && { cert: readFileSync(pathOf(`${name}.crt`)), key: readFileSync(pathOf(`${name}.key`)) }),
    ...(ca && { ca: readFileSync(pathOf(`${ca}.crt`)) }),
  }
}
