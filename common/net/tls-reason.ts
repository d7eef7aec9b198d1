// Translates TLS errors of OpenSSL and Node into texts that tell an operator what to do.

import { errnoOf, reasonOf } from '../fault.ts'

/** Texts for certificate errors, by their name in Node (X509_V_ERR_… of OpenSSL's x509_vfy.h). */
const verdicts: Record<string, string> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet; are both clocks right?',
  CERT_REVOKED: 'it has been revoked',
  CERT_UNTRUSTED: 'its ca is not trusted for this',
  INVALID_PURPOSE: 'it is not made for this (extendedKeyUsage)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself; name it as `ca` to trust it',
  SELF_SIGNED_CERT_IN_CHAIN: 'it is signed by an unknown ca',
  UNABLE_TO_GET_ISSUER_CERT: 'the ca that signed it is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it is signed by an unknown ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is signed by an unknown ca',
}

/** The text for an `authorizationError`, which Node gives as a name or as an error. */
export function verdictOn(error: unknown): string {
  const name = typeof error === 'string' ? error : errnoOf(error)
  return (name !== undefined && verdicts[name]) || (name ?? reasonOf(error))
}

/** Texts for handshake errors, by their name in OpenSSL. The alerts are those of RFC 8446 §6.2. */
const reasons: Record<string, string> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'the peer does not speak TLS on this port',
  ERR_SSL_HTTP_REQUEST: 'the peer speaks HTTP, not TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer speaks an old TLS only; 1.2 is the least',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the peer speaks an old TLS only; 1.2 is the least',
  ERR_SSL_NO_SHARED_CIPHER: 'there is no cipher that both sides have',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the peer refuses: nothing that both sides can do, or it wants a certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the peer does not know the ca of our certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the peer refuses our certificate, or that there is none',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the peer says that our certificate has expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the peer refuses our certificate',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the peer wants a client certificate (`tls: { cert, key }`)',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client shows no certificate',
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: 'the peer denies us access',
  ECONNRESET: 'the peer reset the connection in the handshake',
  EPIPE: 'the peer reset the connection in the handshake',
}

/** The text for the error that a handshake ended with. */
export function handshakeReason(error: unknown): string {
  const name = errnoOf(error)
  return (name !== undefined && reasons[name]) || shortReason(error)
}

// 80AC8C595A7F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…/ssl3_record.c:350:
function shortReason(error: unknown): string {
  const [, routine] = /:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(reasonOf(error)) ?? []
  return routine ?? reasonOf(error).trim()
}

/** For a server that closed or reset the connection during the handshake, which tells a client nothing else. */
export const ENDED_IN_HANDSHAKE =
  'the peer ended the connection in the handshake; does this port speak TLS, and may it want another client certificate?'

/** The text for an error of a client with the server `host`, with advice. `isDone`: the handshake had been completed. */
export function clientAdvice(error: unknown, host: string, isDone: boolean): string {
  const name = errnoOf(error) ?? ''
  if (name === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    // Node's reason lists only the addresses of a certificate when `host` is an address.
    const { reason, cert } = error as { reason?: string; cert?: { subjectaltname?: string } }
    const names = cert?.subjectaltname ?? reason?.replace(/\.$/, '')
    return `its certificate is not for ${host}${names ? ` (${names})` : ''}; use a name that it carries`
  }
  if (Object.hasOwn(verdicts, name)) {
    const isUnknown = /ISSUER|SELF_SIGNED|LEAF/.test(name)
    return `its certificate is refused: ${verdicts[name]}${isUnknown ? '; name its ca as `tls: { ca }`' : ''}`
  }
  if (name === 'ECONNRESET') {
    return isDone
      ? 'the peer reset the connection after the handshake; it may refuse our certificate, or that there is none'
      : ENDED_IN_HANDSHAKE
  }
  return handshakeReason(error)
}
