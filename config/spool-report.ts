// Prints the reports of `sluice spool`.

import { basename, resolve } from 'node:path'
import { systemDisk } from '../common/disk.ts'
import { lineFormat, writeLines, type LineFormatName } from '../common/message/line-format.ts'
import { Output } from '../common/message/output.ts'
import { utcText } from '../common/message/time-text.ts'
import { releaseBatch } from '../common/pipeline/batch.ts'
import { SlabPool } from '../common/pipeline/slab.ts'
import type { LiveMark } from '../common/spool/live-marks.ts'
import { laneFolder, listLanes } from '../common/spool/lane-folders.ts'
import { viewSpool, type SpoolView, type ViewedRecord, type ViewedSegment } from '../common/spool/spool-view.ts'
import { writeOut } from './command/standard-streams.ts'

export type SpoolFormat = 'short' | 'json' | 'raw'

const lineFormats: Record<SpoolFormat, LineFormatName> = { short: 'traditional', json: 'json', raw: 'raw' }

const EXIT_OK = 0
const EXIT_DAMAGED = 1
const EXIT_NO_SPOOL = 2
const DAY_US = 86_400e6

/** Prints the segments of a spool and what is waiting in them; resolves to the exit status. */
export async function listSpool(folder: string, withMarks: boolean): Promise<number> {
  const lanes = await look(folder)
  if (lanes.length === 0) return EXIT_NO_SPOOL
  const damage = new PassedOver()
  for (const [index, lane] of lanes.entries()) {
    if (index > 0) await writeOut('\n')
    if (lanes.length > 1) await writeOut(`lane          ${lane.folder}\n`)
    await listLane(lane.view, withMarks, damage)
  }
  return statusOf(damage.places)
}

async function listLane(view: SpoolView, withMarks: boolean, damage: PassedOver): Promise<void> {
  const rows: string[][] = [['segment', 'from', 'records', 'messages', 'waiting', 'bytes', 'made']]
  const totals = { records: 0, messages: 0, waiting: 0, bytes: 0 }
  let marks: ReadonlyMap<string, LiveMark> = new Map()
  for await (const segment of view.segments()) {
    const { records, messages, waiting } = await countIn(segment, view.acknowledged, damage)
    const { path, first, head, bytes } = segment
    marks = head?.marks ?? marks
    const made = head ? utcText(head.made) : 'head unreadable'
    rows.push([basename(path), ...[first, records, messages, waiting, bytes].map(String), made])
    for (const [name, value] of Object.entries({ records, messages, waiting, bytes })) {
      totals[name as keyof typeof totals] += value
    }
  }
  rows.push(['total', '', ...Object.values(totals).map(String), ''])
  const lines = [`stream        ${view.stream ?? 'unknown'}`, `acknowledged  ${view.acknowledged}`, ...table(rows)]
  lines.push(`${marks.size} incoming ${marks.size === 1 ? 'stream' : 'streams'} at the start of the newest segment`)
  if (withMarks) for (const [id, mark] of marks) lines.push(markLine(id, mark))
  await writeOut(`${lines.join('\n')}\n`)
}

/** Prints the waiting messages, or all messages; resolves to the exit status. */
export async function printSpool(folder: string, format: SpoolFormat, all: boolean): Promise<number> {
  const lanes = await look(folder)
  if (lanes.length === 0) return EXIT_NO_SPOOL
  const damage = new PassedOver()
  for (const { view } of lanes) await printLane(view, format, all, damage)
  return statusOf(damage.places)
}

async function printLane(view: SpoolView, format: SpoolFormat, all: boolean, damage: PassedOver): Promise<void> {
  const line = lineFormat(lineFormats[format])
  const output = new Output()
  for await (const segment of view.segments()) {
    for await (const record of damage.recordsOf(segment)) {
      if (record.count === 0 || (!all && record.position + record.count <= view.acknowledged)) continue
      const batch = record.batch(all ? undefined : view.acknowledged)
      output.clear()
      writeLines(line, batch, output)
      releaseBatch(batch)
      await writeOut(output.written)
    }
  }
}

/** Reports and counts damage that is skipped: what is shown is then incomplete, which is not visible otherwise. */
class PassedOver {
  places = 0

  /** The intact records of a segment. */
  async *recordsOf(segment: ViewedSegment): AsyncGenerator<ViewedRecord> {
    const { path, bytes } = segment
    for await (const item of segment.items()) {
      if (item.kind === 'record') yield item
      if (item.kind !== 'damage') continue
      this.places += 1
      const { offset, reason = `at byte ${offset}, ${item.bytes} of ${bytes} bytes are damaged and skipped` } = item
      process.stderr.write(`${path}: ${reason}\n`)
    }
  }
}

const statusOf = (damages: number) => (damages === 0 ? EXIT_OK : EXIT_DAMAGED)

/** Reads every record and reports damage; resolves to the exit status. */
export async function checkSpool(folder: string): Promise<number> {
  const lanes = await look(folder)
  if (lanes.length === 0) return EXIT_NO_SPOOL
  let damages = 0
  let records = 0
  for (const { view } of lanes) {
    const found = await checkLane(view)
    damages += found.damages
    records += found.records
  }
  const [whole, damaged] = [records === 1 ? 'record is' : 'records are', damages === 1 ? 'place is' : 'places are']
  await writeOut(`${records} ${whole} whole, ${damages} ${damaged} damaged\n`)
  return statusOf(damages)
}

async function checkLane(view: SpoolView): Promise<{ damages: number; records: number }> {
  let damages = 0
  let records = 0
  for await (const segment of view.segments()) {
    const { path, head, bytes } = segment
    for await (const item of segment.items()) {
      if (item.kind === 'record') records += 1
      else if (item.reason !== undefined) {
        damages += 1
        await writeOut(`${path}: ${item.reason}\n`)
      } else {
        const [place, size] = [`${path}: at byte ${item.offset}`, `${item.bytes} of ${bytes} bytes`]
        if (item.kind === 'damage') damages += 1
        const what =
          item.kind === 'damage'
            ? 'are damaged'
            : 'are not a whole record yet: being written, or interrupted by a crash'
        await writeOut(`${place}, ${size} ${what}${head ? '' : ' (the head is among them)'}\n`)
      }
    }
  }
  return { damages, records }
}

interface ViewedLane {
  readonly folder: string
  readonly view: SpoolView
}

/** The lanes of a spool: one, unless several receivers share its work. Empty, with a message, if there is no spool. */
async function look(folder: string): Promise<ViewedLane[]> {
  const path = resolve(folder)
  const found: ViewedLane[] = []
  for (const lane of [0, ...(await listLanes(systemDisk, path))]) {
    const view = await viewSpool(systemDisk, laneFolder(path, lane), new SlabPool())
    if (view) found.push({ folder: laneFolder(path, lane), view })
  }
  if (found.length === 0) process.stderr.write(`${path}: there is no spool here${await spoolsBelow(path)}\n`)
  return found
}

/** Lists the spools below a folder, for users who name the data folder, or the folder of all spools. */
async function spoolsBelow(folder: string): Promise<string> {
  for (const parent of [folder, `${folder}/spool`]) {
    const paths = (await systemDisk.list(parent)).map((name) => `${parent}/${name.toString()}`)
    const spools: string[] = []
    for (const path of paths) if (await viewSpool(systemDisk, path, new SlabPool())) spools.push(path)
    if (spools.length > 0) return `; there ${spools.length === 1 ? 'is' : 'are'} ${spools.join(', ')}`
  }
  return ''
}

async function countIn(segment: ViewedSegment, acknowledged: number, damage: PassedOver) {
  const counts = { records: 0, messages: 0, waiting: 0 }
  for await (const { position, count } of damage.recordsOf(segment)) {
    counts.records += 1
    counts.messages += count
    counts.waiting += Math.max(0, Math.min(count, position + count - acknowledged))
  }
  return counts
}

function markLine(id: string, { position, day, retired }: LiveMark): string {
  return `  ${id}  ${position}  since ${utcText(day * DAY_US).slice(0, 10)}${retired ? ', over' : ''}`
}

/** Aligns the first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
    return cells.join('  ').trimEnd()
  })
}
