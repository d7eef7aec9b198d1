// zstd for whole buffers, synchronously: for worker threads, where nothing else waits. Node's own from 22.15 on, the
// package zstd-napi before; both read each other's frames. Contexts are kept, since making one costs more than a
// small buffer's compression.

import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'

/** One compressor of one level. */
export interface ZstdCompressor {
  compress(bytes: Uint8Array): Buffer
}

interface NodeZstd {
  zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Buffer
  zstdDecompressSync(bytes: Uint8Array, options?: { maxOutputLength: number }): Buffer
  constants: { ZSTD_c_compressionLevel: number; ZSTD_c_minMatch: number; ZSTD_c_checksumFlag: number }
}

type ZstdNapi = typeof import('zstd-napi')

const nodeZstd = 'zstdCompressSync' in zlib ? (zlib as unknown as NodeZstd) : undefined

let napi: ZstdNapi | undefined
let intoContext: { decompress(into: Uint8Array, frame: Uint8Array): number } | undefined
let decompressor: { decompress(bytes: Uint8Array): Buffer } | undefined

// Loaded when first used: the package brings a native library, and most commands need none.
function zstdNapi(): ZstdNapi {
  napi ??= createRequire(import.meta.url)('zstd-napi') as ZstdNapi
  return napi
}

type ZstdBinding = typeof import('zstd-napi/binding.js')

// The part of the package that unpacks into memory that is there already.
function zstdBinding(): ZstdBinding {
  return createRequire(import.meta.url)('zstd-napi/binding.js') as ZstdBinding
}

export interface ZstdOptions {
  /** The shortest repeat that it looks for; the level's own where absent. */
  readonly minMatch?: number
  /** Frames end in a hash of their content, 4 bytes, which is looked at when they are decompressed. */
  readonly checksum?: boolean
}

/** A compressor of `level` (1 to 22). One thread's alone. */
export function zstdCompressor(level: number, { minMatch = 0, checksum = false }: ZstdOptions = {}): ZstdCompressor {
  if (nodeZstd) {
    const { ZSTD_c_compressionLevel, ZSTD_c_minMatch, ZSTD_c_checksumFlag } = nodeZstd.constants
    const params = {
      [ZSTD_c_compressionLevel]: level,
      [ZSTD_c_minMatch]: minMatch,
      [ZSTD_c_checksumFlag]: Number(checksum),
    }
    return { compress: (bytes) => nodeZstd.zstdCompressSync(bytes, { params }) }
  }
  const compressor = new (zstdNapi().Compressor)()
  compressor.setParameters({ compressionLevel: level, checksumFlag: checksum, ...(minMatch > 0 && { minMatch }) })
  return compressor
}

/** The content of one frame; throws the library's error where it is none. */
export function zstdDecompress(frame: Uint8Array): Buffer {
  if (nodeZstd) return nodeZstd.zstdDecompressSync(frame)
  decompressor ??= new (zstdNapi().Decompressor)()
  return decompressor.decompress(frame)
}

/** Decompresses a stream of any length, frame after frame. */
export function zstdDecompressStream(): Transform {
  const node = zlib as unknown as { createZstdDecompress?(): Transform }
  return node.createZstdDecompress?.() ?? new (zstdNapi().DecompressStream)()
}

/**
 * Unpacks what a peer sent into `into`, never more than fits; returns how many bytes. Throws the library's error where it is no
 * zstd or does not fit.
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

/** Loads what `zstdDecompressInto` needs: when a peer sends, it may be that no descriptor is left to load it with. */
export function prepareZstdDecompressInto(): void {
  if (!nodeZstd) preparedInto()
}
