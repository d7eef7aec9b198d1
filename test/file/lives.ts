// Runs of a file destination that stores a stream: opened, written to, killed, opened again.

import { join } from 'node:path'
import type { FileDestinationOptions } from '../../collector/file/file-destination.ts'
import { batch } from '../pipeline/batches.ts'
import { fakePlatform } from '../fake/platform.ts'
import { failingDisk, fileDestination, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

export type More = Partial<FileDestinationOptions>

/** Opens a destination whose data folder is beside its files. */
export async function openIn(
  folder: string,
  platform = fakePlatform(),
  more: More = {},
  path = join(folder, 'all.log'),
) {
  const files = fileDestination({ path, ...more }, platform, join(folder, 'data'))
  await files.open()
  return files
}

/** A batch of the stream that begins at position `from`; each message advances it by ten. */
export const stream = (from: number, ...texts: string[]) => batch([{ texts, from }])

/** A platform whose process can be killed: after that, its disk operations have no effect. */
export function mortal(): {
  platform: ReturnType<typeof fakePlatform>
  kill: () => Promise<void>
  stopCommits: () => void
} {
  let isDead = false
  let commits = true
  let calls = 0
  const disk = failingDisk(
    (_, path) => (isDead || (!commits && path.endsWith('positions')) ? systemError('EIO') : undefined),
    (by) => (calls += by),
  )
  const kill = async () => {
    isDead = true
    await until(() => calls === 0, 'calls that the system finishes after the death')
  }
  return { platform: fakePlatform(disk), kill, stopCommits: () => (commits = false) }
}

/** Advances the clock until the write has settled. */
export async function settled<T>(write: Promise<T>, platform: ReturnType<typeof fakePlatform>): Promise<T> {
  const state = { isSettled: false }
  const settle = () => (state.isSettled = true)
  void write.then(settle, settle)
  const giveUp = Date.now() + 30_000
  while (!state.isSettled) {
    if (Date.now() > giveUp) throw new Error('the write did not settle within half a minute')
    await platform.clock.pass(50)
  }
  return write
}

/** A folder as a killed process leaves it, with a file that has a line after its last commit. */
export async function leftUncommitted(): Promise<{ folder: string; path: string }> {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const { platform, kill, stopCommits } = mortal()
  const dying = await openIn(folder, platform)
  await settled(dying.write(stream(0, 'a')), platform)
  stopCommits()
  void dying.write(stream(10, 'b'))
  await until(() => linesOf(path).length === 2, 'the line')
  await kill()
  return { folder, path }
}
