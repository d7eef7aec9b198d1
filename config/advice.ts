// Advice for operators on faults that keep the daemon from starting. It is logged with the fault, and printed in HANDBOOK.md.

import type { FaultCode } from '../common/fault-codes.ts'

const advice: Partial<Record<FaultCode, string>> = {
  PORT_TAKEN: 'find out which with `ss -lntup`; stop it, or change `listen:` of the source',
  PORT_FORBIDDEN: 'ports below 1024 need root or CAP_NET_BIND_SERVICE; run as root, or listen on a higher port',
  ADDRESS_UNAVAILABLE: '`ip address` lists the addresses of this machine; 0.0.0.0 and [::] stand for all of them',
  HOST_UNRESOLVED: '`getent ahosts NAME` shows what the name leads to; `listen:` takes addresses too, such as 0.0.0.0',
  SOCKET_TAKEN:
    'find out which with `ss -xlp`; stop it (on systemd machines /dev/log belongs to journald), or change `path:`',
  SOCKET_UNAVAILABLE:
    'make sure that the folder exists, that this user may write to it, and that no other file has this name',
  DATA_LOCKED: 'stop the other sluice, or give this one a `data:` folder of its own',
  DATA_UNWRITABLE: 'make the folder writable for this user, or choose another one with `data:`',
  DATA_NEWER: 'start the newer version again; before you return to this one, let it send what is in its buffers',
  TLS_KEYS: 'check the files named in `tls:`; `openssl x509 -noout -text -in CERT` shows a certificate',
  TLS_HANDSHAKE:
    'the log line says which side refused, and why; `openssl s_client -connect HOST:PORT` shows what a receiver sends',
  ARCHIVE_UNREADABLE: 'move the damaged part out of the archive folder; the other days remain readable',
  ARCHIVE_FORBIDDEN: 'run as the user who wrote the archive, or change the owner of its folder and files to this user',
  DISK_FULL: 'free some space, or inodes (`df -i`); sources that can be read again lose nothing in the meantime',
  DISK_ERROR:
    '`dmesg` shows what is wrong with the disk; a file that it will not read again has to be moved away while sluice is stopped',
}

/** One sentence; undefined if the fault needs no advice. */
export function adviceFor(code: FaultCode): string | undefined {
  return advice[code]
}
