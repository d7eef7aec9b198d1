// Formats addresses of the kernel (sockaddr_in, sockaddr_in6) as the same text that Node returns for them.
//
//   sockaddr_in   │ family │ port │ address │                      2, 2 (high byte first), 4
//   sockaddr_in6  │ family │ port │ flow │ address │ scope │       2, 2, 4, 16, 4

import { networkInterfaces } from 'node:os'

const AF_INET = 2
const IPV4_ADDRESS = 4
const IPV6_ADDRESS = 8
const IPV6_SCOPE = 24

// Texts are cached per address. The cache is bounded, since a flood of forged addresses must not fill the memory.
const TEXTS_MAX = 10_000

export class SocketAddresses {
  readonly #names: Buffer
  readonly #strideBytes: number
  readonly #ipv4 = new Map<number, string>()
  readonly #ipv6 = new Map<string, string>()
  #lastIpv4 = 0
  #lastText = '0.0.0.0'

  /** Address `i` begins at offset `i * strideBytes` of `names`. */
  constructor(names: Buffer, strideBytes: number) {
    this.#names = names
    this.#strideBytes = strideBytes
  }

  port(i: number): number {
    return this.#names.readUInt16BE(i * this.#strideBytes + 2)
  }

  /** An IPv4-mapped IPv6 address is written as IPv4; a link-local address includes its interface. */
  host(i: number): string {
    const at = i * this.#strideBytes
    if (this.#names.readUInt16LE(at) === AF_INET) return this.#ipv4Text(at + IPV4_ADDRESS)
    const address = at + IPV6_ADDRESS
    if (isMapped(this.#names, address)) return this.#ipv4Text(address + 12)
    return remembered(this.#ipv6, this.#names.toString('latin1', address, at + IPV6_SCOPE + 4), () =>
      ipv6Text(this.#names, at),
    )
  }

  #ipv4Text(at: number): string {
    const names = this.#names
    const address = names.readUInt32BE(at)
    if (address !== this.#lastIpv4) {
      const text = () => `${names[at]}.${names[at + 1]}.${names[at + 2]}.${names[at + 3]}`
      this.#lastText = remembered(this.#ipv4, address, text)
      this.#lastIpv4 = address
    }
    return this.#lastText
  }
}

function remembered<Key>(texts: Map<Key, string>, key: Key, make: () => string): string {
  const known = texts.get(key)
  if (known !== undefined) return known
  if (texts.size >= TEXTS_MAX) texts.clear()
  const text = make()
  texts.set(key, text)
  return text
}

// ::ffff:192.0.2.7 (RFC 4291 §2.5.5.2)
function isMapped(names: Buffer, at: number): boolean {
  return names.readUInt32BE(at) === 0 && names.readUInt32BE(at + 4) === 0 && names.readUInt32BE(at + 8) === 0x0000ffff
}

function ipv6Text(names: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => names.readUInt16BE(at + IPV6_ADDRESS + 2 * i).toString(16))
  // The URL class formats an IPv6 host as RFC 5952 requires: the longest run of zeros is compressed.
  const text = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
  const isLinkLocal = (names.readUInt16BE(at + IPV6_ADDRESS) & 0xffc0) === 0xfe80
  return isLinkLocal ? `${text}%${interfaceOf(names.readUInt32LE(at + IPV6_SCOPE))}` : text
}

function interfaceOf(scope: number): string {
  const interfaces = Object.entries(networkInterfaces())
  const found = interfaces.find(([, each]) => each?.some((one) => one.family === 'IPv6' && one.scopeid === scope))
  return found?.[0] ?? String(scope)
}
