// Bytes that are kept. A small buffer that Node makes (`from`, `concat`, `allocUnsafe`) lies with others in a block of 8 KiB, and keeps all
// of it: the names of ten thousand senders kept 80 MB where they are 200 KB.

/** A copy in memory of its own. */
export function lastingBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
