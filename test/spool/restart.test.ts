// A spool whose process is killed during its start, is opened again, and is killed again: what it acknowledged is not lost.

import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { CrashDisk } from '../conformance/crash-disk.ts'
import { temporaryFolder } from '../conformance/surroundings.ts'
import { fakePlatform } from '../fake/platform.ts'
import { MemoryDisk } from './memory-disk.ts'
import { during, opened, reached, readAll, spoolIn, spoolOn, streamBatch } from './surroundings.ts'

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

test('spool: after a kill at any step of its first start, it keeps what the next process stores', async () => {
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

test('spool: after a kill at any step of a write, a repeat that is reported as stored survives a power cut', async () => {
  const batch = () => streamBatch(STREAM, 0, ['1', '2'])
  let isWritten = false
  for (let stop = 1; !isWritten; stop += 1) {
    const disk = new MemoryDisk()
    disk.stopsAt = stop
    const first = fakePlatform(disk)
    const killed = spoolOn(first)
    const writing = killed.open().then(() => killed.write(batch()))
    writing.then(
      () => (isWritten = true),
      () => {},
    )
    for (let step = 0; step < 20; step += 1) await first.clock.pass(50)
    const left = disk.afterKill()
    const second = await opened(left)
    await during(second.platform, second.spool.write(batch()))
    const third = await opened(left.afterPowerCut(() => 0.99))
    expect(await readAll(third.spool), `killed at step ${stop}`).toEqual(['1', '2'])
  }
})
