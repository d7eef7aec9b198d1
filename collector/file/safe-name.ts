// Makes values from senders safe as names of files and folders. A value becomes part of one path component, never more:
//
//   /            _        it would begin another component
//   NUL, control _        also bidirectional controls and other unprintable characters
//   not UTF-8    _
//   ..           __       anywhere; also leading dots: no parent folder, no hidden file
//   leading -    _        would be an option to a command that is given `*`
//   empty        unknown
//
// Different values may become the same name. They then share a file, whose lines still say who sent them.

/** Replaces a missing value. */
export const STAND_IN = 'unknown'

/** Longest component that leaves room for the suffix of a rotated file (`-20261123.999.zst.new`). The limit of Linux is 255 bytes. */
export const COMPONENT_BYTES_MAX = 223

/** Longest path that leaves room for the suffix of a rotated file. The limit of Linux is 4,096 bytes including the final NUL. */
export const PATH_BYTES_MAX = 4_063

/** The value as part of a path component; never empty. */
export function safeName(value: string): string {
  if (value.length === 0) return STAND_IN
  return value
    .replace(/[/\p{C}\p{Zl}\p{Zp}\ufffd]/gu, '_')
    .replace(/\.{2,}/g, underscores)
    .replace(/^[.-]+/, underscores)
}

const underscores = (replaced: string) => '_'.repeat(replaced.length)

/** Truncates a name to at most `bytesMax` bytes of UTF-8, between two characters. */
export function cutName(name: string, bytesMax: number): string {
  if (Buffer.byteLength(name) <= bytesMax) return name
  let bytes = 0
  let end = 0
  for (const character of name) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    end += character.length
  }
  return name.slice(0, end)
}

/**
 * Changes a name that looks like that of a rotated file (`rotated-name.ts`). Otherwise a sender could have its file compressed or, if
 * the date is old, removed.
 */
export function unlikeRotated(name: string): string {
  return name.replace(/-(?=\d{8}(\.\d+)?(\.(gz|zst))?(\.new)?$)/, '_')
}
