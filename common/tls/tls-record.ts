// The first bytes of TLS (RFC 8446 §5.1), to tell people that they speak it to a port that does not, or the other way round.
//
//   16 03 xx   a handshake: what a client opens with        15 03 xx   an alert: what a server says to what is no TLS

/** Whether these first bytes of a connection are a TLS client's. */
export function isTlsHello(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes[0] === 0x16 && bytes[1] === 0x03
}

/** Whether these first bytes of an answer are a TLS server's refusal. */
export function isTlsAlert(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes[0] === 0x15 && bytes[1] === 0x03
}
