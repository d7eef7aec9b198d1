// Looks up users and groups in /etc/passwd and /etc/group, which every machine has. Accounts from other databases (LDAP) must be
// given by number.

import type { Disk } from '../../common/disk.ts'
import { Fault, reasonOf } from '../../common/fault.ts'

const tables = { user: '/etc/passwd', group: '/etc/group' } as const

/** The numeric id of a user or group that is given by name or number. Rejects with CONFIG_WRONG_VALUE if it is unknown. */
export async function accountId(disk: Disk, what: 'user' | 'group', name: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name)
  const table = tables[what]
  let text: string
  try {
    text = (await disk.readFile(table)).toString('utf8')
  } catch (cause) {
    throw new Fault('CONFIG_WRONG_VALUE', `${table}: ${reasonOf(cause)}; give the ${what} "${name}" by number`, {
      cause,
    })
  }
  // Both tables: name, password, number, …
  for (const line of text.split('\n')) {
    const [known, , id] = line.split(':')
    if (known === name && id !== undefined) return Number(id)
  }
  throw new Fault('CONFIG_WRONG_VALUE', `${table} knows no ${what} "${name}"; give its number if it is known elsewhere`)
}
