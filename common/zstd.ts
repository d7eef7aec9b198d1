// zstd for whole buffers, synchronously: for worker threads, where nothing else waits. It uses Node's own from 22.15
// on, and the package zstd-napi before; each reads the other's frames. Contexts are reused, since creating one costs
// more than compressing a small buffer.

import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'

/** A compressor with fixed parameters. */
export interface ZstdCompressor {
  compress(bytes: Uint8Array): Buffer
  /** Compresses into the beginning of `room` if that is large enough for any result; otherwise the frame has memory of its own. */
  compressInto(room: Uint8Array, bytes: Uint8Array): Uint8Array
}

interface NodeZstd {
  zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Buffer
  zstdDecompressSync(bytes: Uint8Array, options?: { maxOutputLength: number }): Buffer
  constants: Record<`ZSTD_c_${'compressionLevel' | 'minMatch' | 'hashLog' | 'chainLog' | 'checksumFlag'}`, number>
}

type ZstdNapi = typeof import('zstd-napi')

/** Memory for results that a compressor keeps. */
const ROOM_BYTES_MAX = 4 * 1024 * 1024

const nodeZstd = 'zstdCompressSync' in zlib ? (zlib as unknown as NodeZstd) : undefined

let napi: ZstdNapi | undefined
let intoContext: { decompress(into: Uint8Array, frame: Uint8Array): number } | undefined
let decompressor: { decompress(bytes: Uint8Array): Buffer } | undefined

// Loaded on first use: the package contains a native library, and most commands do not need it.
function zstdNapi(): ZstdNapi {
  napi ??= createRequire(import.meta.url)('zstd-napi') as ZstdNapi
  return napi
}

type ZstdBinding = typeof import('zstd-napi/binding.js')

// The part of the package that compresses and decompresses into existing memory.
function zstdBinding(): ZstdBinding {
  return createRequire(import.meta.url)('zstd-napi/binding.js') as ZstdBinding
}

export interface ZstdOptions {
  /** The minimum match length; the level's default if absent, as for the next two. */
  readonly minMatch?: number
  /** log2 of the entries of the hash tables: of the long and the short one, for the strategy of level 3. */
  readonly hashLog?: number
  readonly chainLog?: number
  /** Frames end with a 4-byte hash of their content, which is verified when they are decompressed. */
  readonly checksum?: boolean
}

/** Creates a compressor of `level` (1 to 22). It must be used by one thread only. */
export function zstdCompressor(level: number, options: ZstdOptions = {}): ZstdCompressor {
  if (!nodeZstd) return new NapiCompressor(level, options)
  const { minMatch = 0, hashLog = 0, chainLog = 0, checksum = false } = options
  const { constants } = nodeZstd
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_minMatch]: minMatch,
    [constants.ZSTD_c_hashLog]: hashLog,
    [constants.ZSTD_c_chainLog]: chainLog,
    [constants.ZSTD_c_checksumFlag]: Number(checksum),
  }
  const compress = (bytes: Uint8Array) => nodeZstd.zstdCompressSync(bytes, { params })
  return { compress, compressInto: (_, bytes) => compress(bytes) }
}

// The package's own compressor allocates memory for the largest possible result at each call, and copies the result. At 50 MB/s
// that alone kept the garbage collector busy.
class NapiCompressor implements ZstdCompressor {
  readonly #context
  readonly #bound: (bytes: number) => number
  #room = new Uint8Array(0)

  constructor(level: number, { minMatch = 0, hashLog = 0, chainLog = 0, checksum = false }: ZstdOptions) {
    const { CCtx, CParameter, compressBound } = zstdBinding()
    this.#bound = compressBound
    this.#context = new CCtx()
    this.#context.setParameter(CParameter.compressionLevel, level)
    this.#context.setParameter(CParameter.minMatch, minMatch)
    this.#context.setParameter(CParameter.hashLog, hashLog)
    this.#context.setParameter(CParameter.chainLog, chainLog)
    this.#context.setParameter(CParameter.checksumFlag, Number(checksum))
  }

  compress(bytes: Uint8Array): Buffer {
    const bound = this.#bound(bytes.length)
    if (bound > ROOM_BYTES_MAX) return Buffer.from(this.#compressed(new Uint8Array(bound), bytes))
    if (this.#room.length < bound) this.#room = new Uint8Array(bound)
    return Buffer.from(this.#compressed(this.#room, bytes))
  }

  compressInto(room: Uint8Array, bytes: Uint8Array): Uint8Array {
    return room.length < this.#bound(bytes.length) ? this.compress(bytes) : this.#compressed(room, bytes)
  }

  #compressed(room: Uint8Array, bytes: Uint8Array): Uint8Array {
    return room.subarray(0, this.#context.compress2(room, bytes))
  }
}

/** The decompressed content of one frame; throws the library's error if it is malformed. */
export function zstdDecompress(frame: Uint8Array): Buffer {
  if (nodeZstd) return nodeZstd.zstdDecompressSync(frame)
  return preparedDecompressor().decompress(frame)
}

function preparedDecompressor() {
  return (decompressor ??= new (zstdNapi().Decompressor)())
}

/** Loads what `zstdDecompress` needs, as `prepareZstdDecompressInto` does. */
export function prepareZstdDecompress(): void {
  if (!nodeZstd) preparedDecompressor()
}

/** Decompresses a stream of any length, frame after frame. */
export function zstdDecompressStream(): Transform {
  const node = zlib as unknown as { createZstdDecompress?(): Transform }
  return node.createZstdDecompress?.() ?? new (zstdNapi().DecompressStream)()
}

/**
 * Decompresses untrusted data into `into`, never more than fits; returns the number of bytes. Throws the library's
 * error if the data is not zstd or does not fit.
 */
export function zstdDecompressInto(frame: Uint8Array, into: Uint8Array): number {
  if (nodeZstd) {
    const bytes = nodeZstd.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, into.length) })
    into.set(bytes)
    return bytes.length
  }
  return preparedInto().decompress(into, frame)
}

function preparedInto() {
  return (intoContext ??= new (zstdBinding().DCtx)())
}

/** Loads what `zstdDecompressInto` needs, since there may be no descriptor left for loading it once a peer sends data. */
export function prepareZstdDecompressInto(): void {
  if (!nodeZstd) preparedInto()
}
