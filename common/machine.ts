// By what a machine is known, and whether two such descriptions are of two machines.
//
//   product     /sys/class/dmi/id/product_uuid   of the hardware, or of the virtual machine; only root may read it
//   machineId   /etc/machine-id                  of the installation (machine-id(5)); an image may be cloned with it
//   addresses   /sys/class/net/*/address         of network cards: with a device behind them, and an address of their own
//   host        its name
//
// The boot id is none of them: it tells one start from the next, not one machine from another. What is known on one side
// only says nothing: a container has no machine-id, somebody was root yesterday and is not today. Of what is known on both:
//
//   another product uuid      another machine: a copied disk, a restored backup, a volume that was moved
//   another machine-id        another machine: an image that was made for cloning, and got its id at its first start
//   the same machine-id, no product uuid to compare, and none of the network cards: another machine: an image that was
//                             cloned with its machine-id, where sluice does not run as root
//   another host name         says nothing: machines are renamed, have no name yet when they start, and a container has
//                             another one at each start
//
// In doubt this leans to "another": what that costs is written in `instance.ts`, and what the opposite costs as well.

import { createHash } from 'node:crypto'
import type { Disk } from './disk.ts'

/** Hashed, as machine-id(5) asks for what leaves it; left out or empty where it cannot be known. */
export interface Machine {
  readonly product?: string
  readonly machineId?: string
  readonly addresses: readonly string[]
  /** As it is. */
  readonly host: string
}

const PRODUCT = '/sys/class/dmi/id/product_uuid'
const MACHINE_IDS = ['/etc/machine-id', '/var/lib/dbus/machine-id']
const NETWORK = '/sys/class/net'
// `addr_assign_type` of an address that came with the card (Documentation/ABI/testing/sysfs-class-net).
const PERMANENT = '0'

/** What this disk tells of the machine that it is in. Nothing that cannot be read is an error. */
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

/** By what these are two machines; undefined where nothing says so. */
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

/** The same machine, as it is now; what cannot be read now is as it was. */
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

/** What a file of one word says, in lower case; undefined where it cannot be read, or is empty. */
async function wordIn(disk: Disk, path: string): Promise<string | undefined> {
  const bytes = await disk.readFile(path).catch(() => undefined)
  return bytes?.toString('latin1').trim().toLowerCase() || undefined
}

function hashed(word: string): string {
  return createHash('sha256').update(`sluice ${word}`).digest('hex').slice(0, 32)
}
