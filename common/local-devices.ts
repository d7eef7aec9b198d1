// Which devices are on this machine, so that a call about a file on them does not wait for another one.

import * as fs from 'node:fs'

// `statfs` types of file systems on this machine's own disks or in its memory: ext2 to ext4, XFS, Btrfs, tmpfs,
// overlayfs, ZFS, F2FS, bcachefs. All others may be on another machine, and block.
const localTypes = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e])

const localDevices = new Map<number, boolean>()

/**
 * Whether a device can be read without waiting for another machine. `path` is on that device. The first call for a
 * device returns false and looks it up in the background.
 */
export function isLocal(device: number, path: string | Buffer): boolean {
  const known = localDevices.get(device)
  if (known !== undefined) return known
  localDevices.set(device, false)
  fs.statfs(path, (error, stat) => localDevices.set(device, !error && localTypes.has(stat.type)))
  return false
}

/** Whether a device is already known to be local. Looks nothing up. */
export function isKnownLocal(device: number): boolean {
  return localDevices.get(device) === true
}
