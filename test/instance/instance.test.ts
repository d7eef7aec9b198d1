// A data folder's instance goes on while the machine is the same, and is a new one where it is not.

import { expect, test } from 'vitest'
import { openInstance } from '../../common/instance.ts'
import { systemRandom } from '../../common/random.ts'
import { fakeLog } from '../fake/log.ts'
import { machineDisk, MACHINE_ID, type MachineDisk } from './machine-disk.ts'

const FILE = '/data/instance'
const ID = /^[\da-f]{32}$/
const webOne = { [MACHINE_ID]: '1'.repeat(32) }

async function opened(disk: MachineDisk, host: string = 'web-1') {
  const log = fakeLog()
  const instance = await openInstance('/data', host, { disk, log, random: systemRandom })
  return { instance, lines: log.lines }
}

test('a new data folder gets an instance, of which nothing has to be said', async () => {
  const disk = machineDisk(webOne)
  const { instance, lines } = await opened(disk)
  expect(instance).toMatch(ID)
  expect(lines).toEqual([])
  expect(disk.files.get(FILE)).toContain(instance)
})

test('it is the same at the next start, and nothing is written', async () => {
  const disk = machineDisk(webOne)
  const first = await opened(disk)
  disk.replaceFile = () => Promise.reject(new Error('written'))
  expect(await opened(disk)).toEqual({ instance: first.instance, lines: [] })
})

test('a copy on another machine is another instance from then on, and one line says both', async () => {
  const disk = machineDisk(webOne)
  const original = await opened(disk)
  disk.files.set(MACHINE_ID, '2'.repeat(32))
  const copy = await opened(disk, 'web-2')
  expect(copy.instance).toMatch(ID)
  expect(copy.instance).not.toBe(original.instance)
  expect(copy.lines).toHaveLength(1)
  expect(copy.lines[0].text).toMatch(/^this data folder was written on another machine/)
  expect(copy.lines[0]).toMatchObject({
    level: 'warn',
    values: { instance: copy.instance, before: original.instance, differs: 'machine-id', host: 'web-2', was: 'web-1' },
  })
  expect(await opened(disk, 'web-2')).toEqual({ instance: copy.instance, lines: [] })
})

test('a renamed machine stays the instance, and one line says so once', async () => {
  const disk = machineDisk(webOne)
  const first = await opened(disk)
  const renamed = await opened(disk, 'db-1')
  expect(renamed.instance).toBe(first.instance)
  expect(renamed.lines.map(({ text }) => text)).toEqual([
    'the host name has changed but the machine is the same: the instance continues',
  ])
  expect((await opened(disk, 'db-1')).lines).toEqual([])
})

test('a container of which nothing can be known but a name that changes stays one instance', async () => {
  const disk = machineDisk({})
  const first = await opened(disk, '3f2a')
  for (const host of ['9c41', '77b0', '12de']) expect((await opened(disk, host)).instance).toBe(first.instance)
})

test.each(['', '{', 'null', '[]', '"x"', '{"instance":"me","machine":{"addresses":[]}}', '{"instance":7}', '\0\0\0\0'])(
  'a file that says %j is a new instance',
  async (text) => {
    const disk = machineDisk({ ...webOne, [FILE]: text })
    const { instance } = await opened(disk)
    expect(instance).toMatch(ID)
    expect((await opened(disk)).instance).toBe(instance)
  },
)

test('a folder in which it cannot be read or written is a fault that names the file', async () => {
  const fails = (): Promise<never> => Promise.reject(new Error('EIO: planted'))
  const unwritable = machineDisk(webOne)
  unwritable.replaceFile = fails
  const unreadable = machineDisk({ ...webOne, [FILE]: '{}' })
  const whole = machineDisk(webOne)
  unreadable.readFile = (path) => (path === FILE ? fails() : whole.readFile(path))
  for (const disk of [unwritable, unreadable]) {
    await expect(opened(disk)).rejects.toMatchObject({ code: 'DATA_UNWRITABLE', detail: `${FILE}: EIO: planted` })
  }
})
