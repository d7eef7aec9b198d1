// A disk that has the given files and no others, for what tells of a machine and for a data folder.

import type { Disk } from '../../common/disk.ts'
import { systemDisk } from '../../common/disk.ts'

export interface MachineDisk extends Disk {
  readonly files: Map<string, string>
}

/** Files that are there but may not be read have `undefined` for their content. */
export function machineDisk(given: Readonly<Record<string, string | undefined>>): MachineDisk {
  const files = new Map<string, string>()
  const forbidden = new Set<string>()
  for (const [path, text] of Object.entries(given)) {
    if (text === undefined) forbidden.add(path)
    else files.set(path, text)
  }
  const below = (folder: string) => [...files.keys()].filter((path) => path.startsWith(`${folder}/`))
  return {
    ...systemDisk,
    files,
    stat: async (path) => {
      const name = String(path)
      if (!files.has(name) && below(name).length === 0 && !forbidden.has(name)) return undefined
      return (await systemDisk.stat('/'))!
    },
    list: async (folder) => {
      const names = below(String(folder)).map((path) => path.slice(String(folder).length + 1).split('/')[0])
      return [...new Set(names)].map((name) => Buffer.from(name))
    },
    readFile: async (path) => {
      const text = files.get(String(path))
      if (text !== undefined) return Buffer.from(text)
      const code = forbidden.has(String(path)) ? 'EACCES' : 'ENOENT'
      throw Object.assign(new Error(`${code}: ${String(path)}`), { code })
    },
    replaceFile: async (path, bytes) => void files.set(path, bytes.toString()),
  }
}

export const PRODUCT = '/sys/class/dmi/id/product_uuid'
export const MACHINE_ID = '/etc/machine-id'

/** The files of a network card. */
export function card(name: string, address: string, type: string = '0'): Record<string, string> {
  const folder = `/sys/class/net/${name}`
  return {
    [`${folder}/address`]: `${address}\n`,
    [`${folder}/addr_assign_type`]: `${type}\n`,
    [`${folder}/device/vendor`]: '',
  }
}

/** One that exists in software only: it has no device. */
export function softwareCard(name: string, address: string): Record<string, string> {
  const folder = `/sys/class/net/${name}`
  return { [`${folder}/address`]: `${address}\n`, [`${folder}/addr_assign_type`]: '0\n' }
}
