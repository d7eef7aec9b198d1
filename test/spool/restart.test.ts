// A spool that dies while it is begun, is opened again, and dies again: what it acknowledged in between is there.

import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { CrashDisk } from '../conformance/crash-disk.ts'
import { temporaryFolder } from '../conformance/surroundings.ts'
import { fakePlatform } from '../fake/platform.ts'
import { reached, spoolIn } from './surroundings.ts'

const STREAM = 'a'.repeat(32)

function begun(folder: string, disk: Disk) {
  const platform = fakePlatform(disk)
  const spool = spoolIn(`${folder}/spool`, platform)
  const state = { isOver: false }
  const written = (async () => {
    await spool.open()
    await spool.write(reached(new Map([[STREAM, 7]])))
    state.isOver = true
  })()
  return { platform, spool, state, written }
}

test('spool: killed at any step of its beginning, it keeps what comes in its next life', async () => {
  let died = true
  let step = 0
  for (; died; step += 1) {
    const folder = temporaryFolder()
    const mortal = new CrashDisk(step, 'before')
    const first = begun(folder, mortal.disk)
    while (!first.state.isOver && !(mortal.isDead && mortal.isStill)) {
      await Promise.race([first.written, first.platform.clock.pass(2)])
    }
    died = mortal.isDead
    const second = begun(folder, systemDisk)
    while (!second.state.isOver) await Promise.race([second.written, second.platform.clock.pass(2)])
    const third = spoolIn(`${folder}/spool`, fakePlatform(systemDisk))
    await third.open()
    expect(await third.marks([STREAM]), `step ${step}`).toEqual(new Map([[STREAM, 7]]))
    await third.close()
  }
  expect(step).toBeGreaterThan(5)
})
