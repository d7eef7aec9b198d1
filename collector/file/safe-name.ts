// Names of files and folders from what senders say. A value becomes part of one path component and nothing more:
//
//   /            _        it would begin another component
//   NUL, control _        also bidirectional controls and whatever else is not printable
//   not UTF-8    _
//   ..           __       wherever it stands; and leading dots: no parent, no hidden file
//   leading -    _        no option for a tool that is given `*`
//   nothing      unknown
//
// Different values may become the same name. They share a file then, and its lines still say who sent them.

/** Stands in for a value that is not there. */
export const STAND_IN = 'unknown'

/** Longest component that leaves room for what rotation appends (`-20261123.999.zst.new`). Linux takes 255 bytes. */
export const COMPONENT_BYTES_MAX = 223

/** Longest path that leaves room for what rotation appends. Linux takes 4,096 bytes with the NUL at the end. */
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

/** At most `bytesMax` bytes of UTF-8, cut between characters. */
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
 * A file name that no sender can make look like one of a rotated file (`rotated-name.ts`): those are compressed and, when
 * they are old, removed.
 */
export function unlikeRotated(name: string): string {
  return name.replace(/-(?=\d{8}(\.\d+)?(\.(gz|zst))?(\.new)?$)/, '_')
}
