// Copies bytes that are kept for long. A small buffer that Node allocates (`from`, `concat`, `allocUnsafe`) shares a
// block of 8 KiB with others, and keeps the whole block alive: the names of ten thousand senders kept 80 MB alive
// instead of 200 KB.

/** Returns a copy in memory of its own. */
export function unpooledCopy(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
