// Recognizes the first bytes of TLS (RFC 8446 §5.1), to report that one side speaks TLS and the other does not.
//
//   16 03 xx   handshake: the first bytes of a client        15 03 xx   alert: the answer of a server to anything but TLS

/** Whether a connection begins with the bytes of a TLS client. */
export function isTlsHello(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes[0] === 0x16 && bytes[1] === 0x03
}

/** Whether an answer begins with the refusal of a TLS server. */
export function isTlsAlert(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes[0] === 0x15 && bytes[1] === 0x03
}
