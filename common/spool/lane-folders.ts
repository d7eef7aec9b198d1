// Where the lanes of a spool lie: the first in the spool's own folder, which is all that a spool with one lane has.

import type { Disk } from '../disk.ts'

const NAME = /^lane-([1-9]\d{0,2})$/

export function laneFolder(folder: string, lane: number): string {
  return lane === 0 ? folder : `${folder}/lane-${lane}`
}

/** The lanes that have a folder besides the first, ascending. */
export async function listLanes(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).map((name) => NAME.exec(name.toString('latin1')))
  return names.flatMap((match) => (match ? [Number(match[1])] : [])).sort((a, b) => a - b)
}
