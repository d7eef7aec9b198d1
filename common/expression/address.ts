// Addresses and networks: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. All are kept as the 16 bytes of an IPv6 address. IPv4
// addresses are mapped to ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so that a peer seen through a dual-stack socket is the same peer.

export interface Network {
  /** 16 bytes. */
  readonly address: Uint8Array
  /** Prefix length, 0 to 128. */
  readonly bits: number
}

const IPV4_BITS = 96

/** Parses an address, or a network in CIDR notation; undefined if it is neither. A zone (`fe80::1%eth0`) is ignored. */
export function parseNetwork(text: string): Network | undefined {
  const [, addressText, bitsText] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  if (addressText === undefined) return undefined
  const address = parseAddress(addressText)
  if (!address) return undefined
  const first = addressText.includes(':') ? 0 : IPV4_BITS
  const bits = bitsText === undefined ? 128 : first + Number(bitsText)
  return bits > 128 ? undefined : { address, bits }
}

/** The 16 bytes of an address; undefined if the text is not an address. */
export function parseAddress(text: string): Uint8Array | undefined {
  const plain = text.replace(/%.*$/, '')
  const address = new Uint8Array(16)
  if (!plain.includes(':')) {
    address[10] = address[11] = 0xff
    return writeIpv4(plain, address, 12) ? address : undefined
  }
  const halves = plain.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0], halves.length === 1)
  const tail = halves.length === 2 ? groupsOf(halves[1], true) : []
  if (!head || !tail) return undefined
  const groups = head.length + tail.length
  if (halves.length === 2 ? groups > 7 : groups !== 8) return undefined
  writeGroups(head, address, 0)
  writeGroups(tail, address, 16 - 2 * tail.length)
  return address
}

/** Whether the address is in the network. */
export function isWithin(address: Uint8Array, network: Network): boolean {
  const bytes = network.bits >> 3
  for (let i = 0; i < bytes; i += 1) if (address[i] !== network.address[i]) return false
  const rest = network.bits & 7
  if (rest === 0) return true
  return (address[bytes] ^ network.address[bytes]) >> (8 - rest) === 0
}

function writeIpv4(text: string, into: Uint8Array, at: number): boolean {
  const parts = text.split('.')
  if (parts.length !== 4) return false
  for (const [i, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return false
    into[at + i] = Number(part)
  }
  return true
}

/** The 16-bit groups on one side of a `::`; undefined if one is invalid. With `isLast`, the last two may be written as IPv4. */
function groupsOf(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    const four = new Uint8Array(4)
    if (isLast && i === parts.length - 1 && part.includes('.')) {
      if (!writeIpv4(part, four, 0)) return undefined
      groups.push((four[0] << 8) | four[1], (four[2] << 8) | four[3])
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return groups
}

function writeGroups(groups: readonly number[], into: Uint8Array, at: number): void {
  for (const [i, group] of groups.entries()) {
    into[at + 2 * i] = group >> 8
    into[at + 2 * i + 1] = group & 0xff
  }
}
