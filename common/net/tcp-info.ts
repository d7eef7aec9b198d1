// Reads TCP_INFO of a connection (tcp(7)), which Node does not offer. It needs libc; without that, the values are unknown.
//
//   struct tcp_info   … │ unacked │ … │ last_ack_recv │ …      packets in flight; ms since the last acknowledgement
//                       24        28  56              60

import { libc, type Libc } from './libc.ts'

const IPPROTO_TCP = 6
const TCP_INFO = 11
const INFO_BYTES = 104
const UNACKED_AT = 24
const LAST_ACK_AT = 56

const info = Buffer.alloc(INFO_BYTES)
const length = Buffer.alloc(4)
let calls: Libc | undefined
let isAsked = false

/**
 * If data in flight is not acknowledged by the system of the peer: milliseconds since its last acknowledgement; else 0. The system of a
 * peer that merely does not read still acknowledges. Undefined if it is not known.
 */
export function unacknowledgedMs(socket: number): number | undefined {
  if (!isAsked) {
    isAsked = true
    void libc().then((reached) => (calls = reached))
  }
  length.writeInt32LE(INFO_BYTES)
  if (calls?.getsockopt(socket, IPPROTO_TCP, TCP_INFO, info, length) !== 0) return undefined
  if (length.readInt32LE() < LAST_ACK_AT + 4) return undefined
  return info.readUInt32LE(UNACKED_AT) > 0 ? info.readUInt32LE(LAST_ACK_AT) : 0
}
