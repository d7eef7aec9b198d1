// Identifies the instance that runs on a data folder: a random id in the folder, with the machine that it was created
// on (`machine.ts`).
//
//   <data>/instance   {"instance":"4be0…","machine":{"machineId":"77ab…","addresses":["c01d…"],"host":"web-1"}}
//
// A folder that appears on another machine was usually cloned with its disk image, and the original is still running.
// Both would continue the same streams from the same positions, and a receiver would take what the second one sends
// for repeats of the first: it would be lost. So the copy becomes another instance. Whatever has streams of its own
// (reading positions, spools) stores the instance with them. If that is not the running instance, it continues from
// the same position under new streams.
//
// A folder that is wrongly taken for a clone loses nothing. What a hard kill left unsaved, at most a quarter of a
// second of reading, is stored twice, since the receiver knows it only by the old streams.
//
// A file that is missing or cannot be parsed means a new instance too. So removing it declares the folder a copy, if
// the machine gives no clue.

import { accessData } from './data-access.ts'
import { differenceBetween, mergeMachines, readMachine, type Machine } from './machine.ts'
import type { Platform } from './platform.ts'
import { newId } from './random.ts'

interface Written {
  readonly instance: string
  readonly machine: Machine
}

/**
 * Returns the instance of this data folder, which must exist. It has been written durably when this resolves. Rejects
 * as `accessData` does.
 */
export async function openInstance(
  dataFolder: string,
  hostName: string,
  { disk, random, log }: Pick<Platform, 'disk' | 'random' | 'log'>,
): Promise<string> {
  const path = `${dataFolder}/instance`
  return accessData(path, async () => {
    const known = await read(path, disk)
    const now = await readMachine(disk, hostName)
    const difference = known && differenceBetween(known.machine, now)
    const isSame = known && difference === undefined
    const next = isSame
      ? { instance: known.instance, machine: mergeMachines(known.machine, now) }
      : { instance: newId(random), machine: now }
    if (JSON.stringify(next) !== JSON.stringify(known)) {
      await disk.replaceFile(path, Buffer.from(`${JSON.stringify(next)}\n`))
    }
    if (isSame) reportRenamed(known.machine.host, hostName, log)
    else if (known) reportCloned(known, next, difference!, log)
    return next.instance
  })
}

async function read(path: string, disk: Platform['disk']): Promise<Written | undefined> {
  if (!(await disk.stat(path))) return undefined
  try {
    const { instance, machine } = JSON.parse((await disk.readFile(path)).toString()) as Written
    const isWhole = /^[\da-f]{32}$/.test(instance) && Array.isArray(machine.addresses)
    return isWhole ? { instance, machine } : undefined
  } catch (error) {
    // Not JSON, or JSON of another shape.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function reportCloned(was: Written, now: Written, difference: string, log: Platform['log']): void {
  log.warn(
    {
      instance: now.instance,
      before: was.instance,
      differs: difference,
      host: now.machine.host,
      was: was.machine.host,
    },
    'this data folder was written on another machine and is taken for a copy: a new instance continues from the same ' +
      'positions with streams of its own, so that the two are not mixed up',
  )
}

function reportRenamed(before: string, now: string, log: Platform['log']): void {
  if (before === now) return
  log.info({ host: now, was: before }, 'the host name has changed but the machine is the same: the instance continues')
}
