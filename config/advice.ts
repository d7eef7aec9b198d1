// What an operator can do about a fault that keeps the daemon from starting. Said with the fault, and in HANDBOOK.md.

import type { FaultCode } from '../common/fault-codes.ts'

const advice: Partial<Record<FaultCode, string>> = {
  PORT_TAKEN: 'see who listens there with `ss -lntup`; stop it, or change `listen:` of the source',
  PORT_FORBIDDEN: 'ports below 1024 need root or CAP_NET_BIND_SERVICE; run as root, or listen on a higher port',
  ADDRESS_UNAVAILABLE: 'see the addresses of this machine with `ip address`; 0.0.0.0 and [::] stand for all of them',
  SOCKET_TAKEN: 'see who has it with `ss -xlp`; stop that program (systemd-journald has /dev/log), or change `path:`',
  SOCKET_UNAVAILABLE: 'see that the folder is there and writable for this user, and that nothing else has this name',
  DATA_LOCKED: 'stop the other sluice, or give this one a `data:` folder of its own',
  DATA_UNWRITABLE: 'make the folder writable for this user, or choose another with `data:`',
  TLS_KEYS: 'look at the files of `tls:`: `openssl x509 -noout -text -in CERT` shows a certificate',
  TLS_HANDSHAKE:
    'the line says which side refuses, and why; `openssl s_client -connect HOST:PORT` shows what a receiver sends',
  ARCHIVE_UNREADABLE: 'move the damaged part out of the archive folder; the other days stay readable',
  ARCHIVE_FORBIDDEN: 'run as the user that has written the archive, or give its folder and files to this user',
  DISK_FULL: 'free space on the disk; nothing is lost meanwhile that can be read again',
}

/** One sentence, or undefined where there is nothing better than the fault itself. */
export function adviceFor(code: FaultCode): string | undefined {
  return advice[code]
}
