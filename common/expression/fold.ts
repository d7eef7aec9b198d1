// Case folding of ASCII by table: capitals become small letters, all other bytes stay as they are.

export const foldAscii = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
)

/** The identity table, for comparisons with case. */
export const unfolded = Uint8Array.from({ length: 256 }, (_, byte) => byte)

/** Whether the text is ASCII, so that the table is enough to fold its case. */
export function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  return /^[\x00-\x7f]*$/.test(text)
}
