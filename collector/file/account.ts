// Looks up users and groups in /etc/passwd and /etc/group, which every machine has. Accounts from other databases (LDAP) must be
// given by number.

import type { Misfit } from '../../common/component.ts'
import type { Disk } from '../../common/disk.ts'
import { nearest } from '../../common/expression/problem.ts'
import { Fault, reasonOf } from '../../common/fault.ts'

type Kind = 'user' | 'group'

/** The id of an account, or why it has none. */
type Found = { readonly id: number } | (Omit<Misfit, 'path'> & { readonly cause?: unknown })

const tables = { user: '/etc/passwd', group: '/etc/group' } as const

/** The numeric id of a user or group that is given by name or number. Rejects with CONFIG_WRONG_VALUE if it is unknown. */
export async function accountId(disk: Disk, kind: Kind, name: string): Promise<number> {
  const found = await find(disk, kind, name)
  if ('id' in found) return found.id
  throw new Fault('CONFIG_WRONG_VALUE', found.sentence, { cause: found.cause })
}

/** Finds the options `owner` and `group` that name accounts which this machine does not know. */
export async function examineAccounts(
  { owner, group }: { readonly owner?: string | undefined; readonly group?: string | undefined },
  disk: Disk,
): Promise<readonly Misfit[]> {
  return [...(await misfitOf(disk, 'owner', 'user', owner)), ...(await misfitOf(disk, 'group', 'group', group))]
}

async function misfitOf(disk: Disk, option: string, kind: Kind, name: string | undefined): Promise<readonly Misfit[]> {
  const found = name === undefined ? undefined : await find(disk, kind, name)
  if (!found || 'id' in found) return []
  return [{ path: [option], sentence: found.sentence, suggestion: found.suggestion }]
}

async function find(disk: Disk, kind: Kind, name: string): Promise<Found> {
  if (/^\d+$/.test(name)) return { id: Number(name) }
  const table = tables[kind]
  let text: string
  try {
    text = (await disk.readFile(table)).toString('utf8')
  } catch (cause) {
    return { sentence: `${table}: ${reasonOf(cause)}; give the ${kind} "${name}" by number`, cause }
  }
  const names: string[] = []
  // Both tables: name, password, number, …
  for (const line of text.split('\n')) {
    const [known, , id] = line.split(':')
    if (id === undefined) continue
    if (known === name) return { id: Number(id) }
    names.push(known)
  }
  const sentence = `${table} knows no ${kind} "${name}"; give its number if it is known elsewhere`
  return { sentence, suggestion: nearest(name, names) }
}
