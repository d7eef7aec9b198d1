// Builds that are broken on purpose. The simulation has to find each of these bugs.

import { crc32 } from 'node:zlib'
import type { SourceType } from '../../common/component.ts'
import type { Disk, DiskFile } from '../../common/disk.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import type { Breakage } from './topology.ts'

/** The source treats every write as settled at once, and saves its checkpoint. */
export const checkpointBeforeWrite: Breakage = {
  source(type: SourceType<unknown>) {
    const create: typeof type.create = (options, context) => {
      const source = type.create(options, context)
      return {
        name: source.name,
        open: () => source.open(),
        run: (sink, signal) => source.run(settlingAtOnce(sink), signal),
      }
    }
    return { ...type, create }
  },
}

function settlingAtOnce(sink: Sink): Sink {
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

/** The file destination commits lines without the marks of their streams: every second record lacks them. */
export const marksApartFromData: Breakage = {
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
    setMode: (mode) => file.setMode(mode),
    close: () => file.close(),
    write(from, offset, length, position) {
      records += 1
      if (records % 2 === 0) return file.write(from, offset, length, position)
      const record = JSON.parse(from.toString('utf8', offset + 9, offset + length)) as object
      // The record keeps its length, since the next one is written after it.
      const text = JSON.stringify({ ...record, streams: {} }).padEnd(length - 10, ' ')
      const bytes = Buffer.from(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`)
      return file.write(bytes, 0, bytes.length, position)
    },
  }
}

/** On the relay's disk, a sync reports success without syncing anything. */
export const syncWithoutEffect: Breakage = {
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
    setMode: (mode) => file.setMode(mode),
    close: () => file.close(),
  }
}
