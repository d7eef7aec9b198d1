// Looks up users and groups in /etc/passwd and /etc/group, which every machine has. Accounts from other databases (LDAP) must be
// given by number.

import type { Misfit } from '../../common/component.ts'
import type { Disk } from '../../common/disk.ts'
import { nearest } from '../../common/expression/problem.ts'
import { Fault, reasonOf } from '../../common/fault.ts'

type Kind = 'user' | 'group'

const tables = { user: '/etc/passwd', group: '/etc/group' } as const

/** The numeric id of a user or group that is given by name or number. Rejects with CONFIG_WRONG_VALUE if it is unknown. */
export async function accountId(disk: Disk, kind: Kind, name: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name)
  const id = (await accounts(disk, kind, name)).get(name)
  if (id !== undefined) return id
  const sentence = `${tables[kind]} knows no ${kind} "${name}"; give its number if it is known elsewhere`
  throw new Fault('CONFIG_WRONG_VALUE', sentence)
}

/** Finds the options `owner` and `group` that name accounts which this machine does not know. */
export async function examineAccounts(
  { owner, group }: { readonly owner?: string | undefined; readonly group?: string | undefined },
  disk: Disk,
): Promise<readonly Misfit[]> {
  return [...(await misfitOf(disk, 'owner', 'user', owner)), ...(await misfitOf(disk, 'group', 'group', group))]
}

async function misfitOf(disk: Disk, option: string, kind: Kind, name: string | undefined): Promise<readonly Misfit[]> {
  if (name === undefined) return []
  try {
    await accountId(disk, kind, name)
    return []
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const known = await accounts(disk, kind, name).catch(() => new Map<string, number>())
    return [{ path: [option], sentence: error.detail, suggestion: nearest(name, known.keys()) }]
  }
}

/** All accounts of the machine, by name. `wanted` is the one that is looked for. */
async function accounts(disk: Disk, kind: Kind, wanted: string): Promise<Map<string, number>> {
  const table = tables[kind]
  let text: string
  try {
    text = (await disk.readFile(table)).toString('utf8')
  } catch (cause) {
    const sentence = `${table}: ${reasonOf(cause)}; give the ${kind} "${wanted}" by number`
    throw new Fault('CONFIG_WRONG_VALUE', sentence, { cause })
  }
  const known = new Map<string, number>()
  // Both tables: name, password, number, …
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':')
    if (id !== undefined && !known.has(name)) known.set(name, Number(id))
  }
  return known
}
