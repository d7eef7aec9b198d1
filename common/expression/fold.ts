// Case folding of ASCII by table: small letters for capitals, every other byte as it is.

export const foldAscii = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
)

/** Every byte as it is. */
export const unfolded = Uint8Array.from({ length: 256 }, (_, byte) => byte)

/** Whether case folding of this text needs no more than the table. */
export function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  return /^[\x00-\x7f]*$/.test(text)
}
