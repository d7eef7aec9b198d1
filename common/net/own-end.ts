// A socket may be connected with itself. The kernel chooses its local port, and on the machine of the receiver it may choose the very
// port that is connected to, if nobody listens there: one of 28,000, each time. Then messages come back and are lost, and the
// receiver cannot listen on its port any more. It concerns ports from 32768 on (net.ipv4.ip_local_port_range).

/** Whether both ends of a connected socket are the same. */
export function isOfItself(
  ownAddress: string | undefined,
  ownPort: number | undefined,
  peerAddress: string | undefined,
  peerPort: number | undefined,
): boolean {
  return ownPort === peerPort && ownAddress === peerAddress && ownPort !== undefined
}
