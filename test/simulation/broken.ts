// Builds that are broken on purpose: a simulation that finds nothing wrong with them is worth nothing.

import { crc32 } from 'node:zlib'
import type { SourceType } from '../../common/component.ts'
import type { Disk, DiskFile } from '../../common/disk.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import type { Breakage } from './topology.ts'

/** The source believes that a write has settled as soon as it is made, and saves its checkpoint. */
export const checkpointBeforeWrite: Breakage = {
  source(type: SourceType<unknown>) {
    const create: typeof type.create = (options, context) => {
      const source = type.create(options, context)
      return {
        name: source.name,
        open: () => source.open(),
        run: (sink, signal) => source.run(tooSoon(sink), signal),
      }
    }
    return { ...type, create }
  },
}

function tooSoon(sink: Sink): Sink {
  return {
    streams: sink.streams,
    write(batch) {
      batch.slab.retain()
      const written = sink.write(batch)
      void written.catch(() => {}).then(() => batch.slab.release())
      return Promise.resolve()
    },
  }
}

/** The store commits its lines, and the marks of the streams some other time: every second record comes without them. */
export const markApartFromData: Breakage = {
  serverDisk(disk: Disk) {
    const open: Disk['open'] = async (path, how, mode) => {
      const file = await disk.open(path, how, mode)
      return String(path) === '/data/files/positions' && how !== 'read' ? withoutMarks(file) : file
    }
    return { ...disk, open }
  },
}

function withoutMarks(file: DiskFile): DiskFile {
  let records = 0
  return {
    read: (...args) => file.read(...args),
    sync: () => file.sync(),
    truncate: (bytes) => file.truncate(bytes),
    stat: () => file.stat(),
    setOwner: (user, group) => file.setOwner(user, group),
    close: () => file.close(),
    write(from, offset, length, position) {
      records += 1
      if (records % 2 === 0) return file.write(from, offset, length, position)
      const record = JSON.parse(from.toString('utf8', offset + 9, offset + length)) as object
      // As long as it was, since the next is written behind it.
      const text = JSON.stringify({ ...record, streams: {} }).padEnd(length - 10, ' ')
      const bytes = Buffer.from(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`)
      return file.write(bytes, 0, bytes.length, position)
    },
  }
}

/** The relay's disk takes nothing for long: a sync says that it is done, and is not. */
export const syncThatIsNone: Breakage = {
  relayDisk(disk: Disk) {
    const open: Disk['open'] = async (...how) => withoutSync(await disk.open(...how))
    return { ...disk, open }
  },
}

function withoutSync(file: DiskFile): DiskFile {
  return {
    read: (...args) => file.read(...args),
    write: (...args) => file.write(...args),
    sync: () => Promise.resolve(),
    truncate: (bytes) => file.truncate(bytes),
    stat: () => file.stat(),
    setOwner: (user, group) => file.setOwner(user, group),
    close: () => file.close(),
  }
}
