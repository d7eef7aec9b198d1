// The folders of the lanes of a spool. The first lane uses the folder of the spool itself; a spool with one lane has no other.

import type { Disk } from '../disk.ts'

const NAME = /^lane-([1-9]\d{0,2})$/

export function laneFolder(folder: string, lane: number): string {
  return lane === 0 ? folder : `${folder}/lane-${lane}`
}

/** Numbers of the lanes other than the first that have a folder, ascending. */
export async function listLanes(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).map((name) => NAME.exec(name.toString('latin1')))
  return names.flatMap((match) => (match ? [Number(match[1])] : [])).sort((a, b) => a - b)
}
