// What the kernel knows of a TCP connection (tcp(7), TCP_INFO) and Node does not tell. Only through libc; where that cannot be
// reached, nobody knows.
//
//   struct tcp_info   … │ unacked │ … │ last_ack_recv │ …      packets on their way; ms since the peer acknowledged anything
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
 * While something on its way to the peer is not acknowledged by its system: how long that has acknowledged nothing, ms; else 0. A
 * peer that does not read has acknowledged what it has no room for too. Undefined where it is not known.
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
