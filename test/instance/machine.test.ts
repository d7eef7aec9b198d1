// Whether two looks at a machine were at the same one: a table of what happens to machines, and what sluice makes of it.

import { expect, test } from 'vitest'
import { differenceBetween, mergeMachines, readMachine } from '../../common/machine.ts'
import { card, machineDisk, MACHINE_ID, PRODUCT, softwareCard } from './machine-disk.ts'

const id = (digit: string) => `${digit.repeat(32)}\n`
const uuid = (digit: string) => `${digit.repeat(8)}-0000-0000-0000-000000000000\n`

interface Look {
  readonly files: Record<string, string | undefined>
  readonly host: string
}
const look = (host: string, files: Record<string, string | undefined>): Look => ({ host, files })
const machine = ({ files, host }: Look) => readMachine(machineDisk(files), host)

const root = { [PRODUCT]: uuid('a'), [MACHINE_ID]: id('1'), ...card('eth0', '52:54:00:00:00:01') }
const user = { ...root, [PRODUCT]: undefined }

const cases: [what: string, before: Look, now: Look, difference: string | undefined][] = [
  ['nothing happened', look('a', root), look('a', root), undefined],
  ['renamed', look('a', root), look('b', root), undefined],
  ['renamed, not as root', look('a', user), look('b', user), undefined],
  ['no name yet when it starts', look('a', user), look('localhost', user), undefined],
  ['root before, not any more', look('a', root), look('a', user), undefined],
  ['root now', look('a', user), look('a', root), undefined],
  [
    'root before, and a new network card',
    look('a', root),
    look('a', { ...user, ...card('eth0', '2') }),
    'network cards',
  ],
  ['as root, a new network card', look('a', root), look('a', { ...root, ...card('eth0', '2') }), undefined],
  ['one more network card', look('a', user), look('a', { ...user, ...card('eth1', '2') }), undefined],
  [
    'cloned by the book',
    look('a', root),
    look('a', { ...root, [PRODUCT]: uuid('b'), [MACHINE_ID]: id('2') }),
    'product uuid',
  ],
  ['cloned by the book, not as root', look('a', user), look('a', { ...user, [MACHINE_ID]: id('2') }), 'machine-id'],
  ['cloned with its machine-id', look('a', root), look('b', { ...root, [PRODUCT]: uuid('b') }), 'product uuid'],
  ['the same, not as root', look('a', user), look('b', { ...user, ...card('eth0', '2') }), 'network cards'],
  [
    'the same, and nobody gave it a name',
    look('a', user),
    look('a', { ...user, ...card('eth0', '2') }),
    'network cards',
  ],
  ['a machine-id that is made anew', look('a', root), look('a', { ...root, [MACHINE_ID]: id('2') }), 'machine-id'],
  [
    'a machine-id that is not made yet',
    look('a', root),
    look('a', { ...root, [MACHINE_ID]: 'uninitialized\n' }),
    undefined,
  ],
  ['an empty machine-id', look('a', root), look('a', { ...root, [MACHINE_ID]: '\n' }), undefined],
  ['a container that gets a name at each start', look('3f2a', {}), look('9c41', {}), undefined],
  [
    'the same, with a machine-id in its image',
    look('3f2a', { [MACHINE_ID]: id('1'), ...softwareCard('eth0', '1') }),
    look('9c41', { [MACHINE_ID]: id('1'), ...softwareCard('eth0', '2') }),
    undefined,
  ],
  [
    'the same, without one, and a card that is made for it',
    look('3f2a', card('eth1', '1')),
    look('9c41', card('eth1', '2')),
    undefined,
  ],
  [
    'its volume on another node, as root',
    look('3', { [PRODUCT]: uuid('a') }),
    look('4', { [PRODUCT]: uuid('b') }),
    'product uuid',
  ],
  [
    'an address that is random at each start',
    look('a', { [MACHINE_ID]: id('1'), ...card('wlan0', '1', '1') }),
    look('a', { [MACHINE_ID]: id('1'), ...card('wlan0', '2', '1') }),
    undefined,
  ],
]

test.each(cases)('%s', async (_, before, now, difference) => {
  expect(differenceBetween(await machine(before), await machine(now))).toBe(difference)
})

test('the machine-id of dbus is taken where there is none of the system', async () => {
  const other = '/var/lib/dbus/machine-id'
  const known = await machine(look('a', { [other]: id('7') }))
  expect(known.machineId).toBe((await machine(look('a', { [MACHINE_ID]: id('7') }))).machineId)
  expect(known.machineId).toBe((await machine(look('a', { [MACHINE_ID]: '\n', [other]: id('7') }))).machineId)
})

test('what is written down tells nobody the ids of the machine', async () => {
  const text = JSON.stringify(await machine(look('web-1', root)))
  expect(text).toContain('web-1')
  for (const secret of ['11111111', 'aaaaaaaa', '52:54:00']) expect(text).not.toContain(secret)
})

test('what cannot be read any more is remembered: root, then not, then root on a clone', async () => {
  const merged = mergeMachines(await machine(look('a', root)), await machine(look('a', user)))
  expect(differenceBetween(merged, await machine(look('a', { ...root, [PRODUCT]: uuid('b') })))).toBe('product uuid')
  const bare = mergeMachines(merged, await machine(look('b', {})))
  expect(bare).toEqual({ ...merged, host: 'b' })
})
