// Encodes an `Origin` as bytes, and decodes it. Consumers of batches compare origins by identity, and there is one
// object per connection: so equal bytes decode to the same object.
//
//   0  2  bytes of the whole
//   2  1  bit 0: lines are text; bit 1: the host is forced; bit 2: there is a peer; bit 3: lines are local
//   3  1  priority
//   4     source, peer, zone, host, program: 2 bytes of length and the bytes, each

import { unpooledCopy } from '../unpooled-copy.ts'
import { PRIORITY_MAX } from '../message/priority.ts'
import { localZone, zoneNamed } from '../message/zone.ts'
import type { Origin } from './batch.ts'

const TEXT = 1
const FORCED = 2
const PEER = 4
const LOCAL = 8
const KINDS = { syslog: 0, text: TEXT, local: LOCAL } as const
const ORIGINS_MAX = 10_000
const ORIGIN_BYTES_MAX = 4 * 1024 * 1024
const FIELD_BYTES_MAX = 4096
const FIELDS = 5

const known = new WeakMap<Origin, Buffer>()

/** The encoded origin. */
export function originBytes(origin: Origin): Buffer {
  let bytes = known.get(origin)
  if (!bytes) {
    bytes = encode(origin)
    known.set(origin, bytes)
  }
  return bytes
}

/** The distinct origins of a batch or frame, to be written one after another. */
export interface GatheredOrigins {
  /** Where each origin begins, from the first one on. */
  readonly offsets: ReadonlyMap<Origin, number>
  readonly encoded: readonly Buffer[]
  /** Bytes of all of them. */
  readonly bytes: number
}

/**
 * Gathers the origins of runs. Each connection of a sender has an origin of its own with the same bytes; if they follow one another, these
 * are written once.
 */
export function gatherOrigins(runs: readonly { readonly origin: Origin }[]): GatheredOrigins {
  const offsets = new Map<Origin, number>()
  const encoded: Buffer[] = []
  let bytes = 0
  let last: Buffer | undefined
  let lastOffset = 0
  for (const { origin } of runs) {
    if (offsets.has(origin)) continue
    const next = originBytes(origin)
    if (!last?.equals(next)) {
      last = next
      lastOffset = bytes
      encoded.push(next)
      bytes += next.length
    }
    offsets.set(origin, lastOffset)
  }
  return { offsets, encoded, bytes }
}

function encode({ source, peer, lines, zone, host, hostForced, program, priority }: Origin): Buffer {
  const fields = [source, peer ?? '', zone.name, host, program].map((field) => {
    return (typeof field === 'string' ? Buffer.from(field) : field).subarray(0, FIELD_BYTES_MAX)
  })
  const bytes = Buffer.alloc(4 + fields.reduce((sum, { length }) => sum + 2 + length, 0))
  bytes.writeUInt16LE(bytes.length, 0)
  bytes[2] = KINDS[lines] | (hostForced ? FORCED : 0) | (peer === undefined ? 0 : PEER)
  bytes[3] = priority
  let at = 4
  for (const field of fields) {
    bytes.writeUInt16LE(field.length, at)
    bytes.set(field, at + 2)
    at += 2 + field.length
  }
  return bytes
}

/**
 * Whether `[at, end)` begins with a valid encoded origin. Use it before `OriginReader.read` on bytes that a peer
 * sent.
 */
export function isOrigin(bytes: Buffer, at: number, end: number): boolean {
  if (end - at < 4 || bytes.readUInt16LE(at) > end - at || bytes[at + 3] > PRIORITY_MAX) return false
  const stop = at + bytes.readUInt16LE(at)
  let field = at + 4
  for (let i = 0; i < FIELDS; i += 1) {
    if (field + 2 > stop) return false
    const length = bytes.readUInt16LE(field)
    if (length > FIELD_BYTES_MAX) return false
    field += 2 + length
  }
  return field === stop
}

/** Decodes origins, and caches them by their bytes. */
export class OriginReader {
  readonly #origins = new Map<string, Origin>()
  #bytes = 0

  /** The origin whose bytes begin at `at`. */
  read(bytes: Buffer, at: number): Origin {
    const key = bytes.toString('latin1', at, at + bytes.readUInt16LE(at))
    let origin = this.#origins.get(key)
    if (!origin) {
      this.#bytes += key.length
      if (this.#origins.size >= ORIGINS_MAX || this.#bytes > ORIGIN_BYTES_MAX) this.#forget(key.length)
      origin = decode(unpooledCopy(bytes.subarray(at, at + key.length)))
      this.#origins.set(key, origin)
    }
    return origin
  }

  #forget(bytes: number): void {
    this.#origins.clear()
    this.#bytes = bytes
  }
}

function decode(bytes: Buffer): Origin {
  const fields: Buffer[] = []
  for (let at = 4; at + 2 <= bytes.length; at += 2 + bytes.readUInt16LE(at)) {
    fields.push(bytes.subarray(at + 2, at + 2 + bytes.readUInt16LE(at)))
  }
  const [source, peer, zone, host, program] = fields
  return {
    source: source.toString(),
    ...((bytes[2] & PEER) !== 0 && { peer: peer.toString() }),
    lines: (bytes[2] & TEXT) !== 0 ? 'text' : (bytes[2] & LOCAL) !== 0 ? 'local' : 'syslog',
    // A zone name that is unknown on this machine is replaced by the local zone, as for a source that configures
    // none.
    zone: zoneNamed(zone.toString()) ?? localZone,
    ...{ host, program, priority: bytes[3] },
    ...((bytes[2] & FORCED) !== 0 && { hostForced: true }),
  }
}
