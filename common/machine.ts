// Describes a machine, and decides whether two descriptions are of different machines.
//
//   product     /sys/class/dmi/id/product_uuid   of the hardware or the virtual machine; readable only by root
//   machineId   /etc/machine-id                  of the installation (machine-id(5)); an image may be cloned with it
//   addresses   /sys/class/net/*/address         of network cards that have a device and a permanent address
//   host        its name
//
// The boot id is not used: it distinguishes starts, not machines. A value that is known on one side only proves
// nothing: a container has no machine-id, and a process may run as root one day and not the next. Values that are
// known on both sides are compared:
//
//   different product UUID    another machine: a copied disk, a restored backup, a volume that was moved
//   different machine-id      another machine: an image that was made for cloning, and got its id at its first start
//   same machine-id, no product UUID to compare, and no network card in common: another machine: an image that was
//                             cloned with its machine-id, where sluice does not run as root
//   different host name       proves nothing: machines are renamed, have no name yet when they start, and a container has
//                             another one at each start
//
// When in doubt the result is "another machine": `instance.ts` says what a wrong decision costs in either direction.

import { createHash } from 'node:crypto'
import type { Disk } from './disk.ts'

/**
 * A machine's properties. Ids and addresses are hashed, as machine-id(5) demands; properties that cannot be read are
 * absent or empty.
 */
export interface Machine {
  readonly product?: string
  readonly machineId?: string
  readonly addresses: readonly string[]
  /** The host name, not hashed. */
  readonly host: string
}

const PRODUCT = '/sys/class/dmi/id/product_uuid'
const MACHINE_IDS = ['/etc/machine-id', '/var/lib/dbus/machine-id']
const NETWORK = '/sys/class/net'
// `addr_assign_type` of a permanent address (Documentation/ABI/testing/sysfs-class-net).
const PERMANENT = '0'

/** Reads the properties of this machine from the disk. A property that cannot be read is not an error. */
export async function readMachine(disk: Disk, host: string): Promise<Machine> {
  const product = await wordIn(disk, PRODUCT)
  const isId = (word: string | undefined) => word !== undefined && /^[\da-f]{32}$/.test(word)
  const machineIds = await Promise.all(MACHINE_IDS.map((path) => wordIn(disk, path)))
  const machineId = machineIds.find(isId)
  const addresses = (await addressesOf(disk)).map(hashed).sort()
  return {
    ...(product && { product: hashed(product) }),
    ...(machineId && { machineId: hashed(machineId) }),
    ...{ addresses, host },
  }
}

/** The property that shows that these are different machines; undefined if none does. */
export function differenceBetween(before: Machine, now: Machine): string | undefined {
  const differ = (a: string | undefined, b: string | undefined) => a !== undefined && b !== undefined && a !== b
  if (differ(before.product, now.product)) return 'product uuid'
  if (differ(before.machineId, now.machineId)) return 'machine-id'
  const hasProduct = before.product !== undefined && now.product !== undefined
  if (hasProduct || before.machineId === undefined || now.machineId === undefined) return undefined
  const bothHaveCards = before.addresses.length > 0 && now.addresses.length > 0
  const isShared = before.addresses.some((address) => now.addresses.includes(address))
  return bothHaveCards && !isShared ? 'network cards' : undefined
}

/** Merges two descriptions of the same machine: current values, and previous ones where they cannot be read now. */
export function mergeMachines(before: Machine, now: Machine): Machine {
  return { ...before, ...now, addresses: now.addresses.length > 0 ? now.addresses : before.addresses }
}

async function addressesOf(disk: Disk): Promise<string[]> {
  const names = await disk.list(NETWORK).catch(() => [])
  const found = await Promise.all(
    names.map(async (name) => {
      const card = `${NETWORK}/${name.toString('latin1')}`
      const hasDevice = await disk.stat(`${card}/device`).catch(() => undefined)
      if (!hasDevice || (await wordIn(disk, `${card}/addr_assign_type`)) !== PERMANENT) return undefined
      return wordIn(disk, `${card}/address`)
    }),
  )
  return found.filter((address) => address !== undefined)
}

/** The word in a file of one word, in lower case; undefined if the file is empty or cannot be read. */
async function wordIn(disk: Disk, path: string): Promise<string | undefined> {
  const bytes = await disk.readFile(path).catch(() => undefined)
  return bytes?.toString('latin1').trim().toLowerCase() || undefined
}

function hashed(word: string): string {
  return createHash('sha256').update(`sluice ${word}`).digest('hex').slice(0, 32)
}
