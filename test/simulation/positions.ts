// Checks the positions on the disks: the checkpoints that a client has saved, and the marks that a server has stored, per stream.
// Neither ever goes back, and a checkpoint is never ahead of the mark.

import type { MemoryDisk } from '../spool/memory-disk.ts'

type Places = Map<string, number>

/** The JSON records of a file that would survive a power cut, one per line, up to the first damaged one. */
function* durableLines(disk: MemoryDisk, path: string, jsonFrom: number): Generator<Record<string, unknown>> {
  const text = disk.durableFiles.get(path)?.durable.toString('latin1') ?? ''
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      yield JSON.parse(line.slice(jsonFrom)) as Record<string, unknown>
    } catch {
      return
    }
  }
}

function savedBy(client: MemoryDisk): Places {
  const saved: Places = new Map()
  for (const entry of durableLines(client, '/data/sources/apps/positions', 0)) {
    const { stream, position } = entry as { stream: string; position?: number }
    if (position === undefined) saved.delete(stream)
    else saved.set(stream, position)
  }
  return saved
}

function storedBy(server: MemoryDisk): Places {
  const stored: Places = new Map()
  for (const { streams } of durableLines(server, '/data/files/positions', 'CRC-32.. '.length)) {
    for (const [id, [position]] of Object.entries(streams as Record<string, [number]>)) stored.set(id, position)
  }
  return stored
}

export class Positions {
  #saved: Places = new Map()
  #stored: Places = new Map()
  readonly #isPassedThrough: boolean

  /** `isPassedThrough`: the client's streams reach the server; otherwise they end in a spool on the way. */
  constructor(isPassedThrough: boolean) {
    this.#isPassedThrough = isPassedThrough
  }

  /** Describes each violation at this moment, in comparison with the last call. */
  look(client: MemoryDisk, server: MemoryDisk): string[] {
    const saved = savedBy(client)
    const stored = storedBy(server)
    const wrongs = [...back('saved', this.#saved, saved), ...back('stored', this.#stored, stored)]
    for (const [id, position] of saved) {
      const mark = stored.get(id) ?? 0
      if (this.#isPassedThrough && position > mark)
        wrongs.push(`${id} is saved at ${position}, and stored up to ${mark}`)
    }
    this.#saved = saved
    // Marks that disappear because their file became unreadable count as going back too.
    this.#stored = stored
    return wrongs
  }
}

function back(what: string, before: Places, after: Places): string[] {
  const wrongs: string[] = []
  for (const [id, position] of before) {
    const now = after.get(id)
    if (now === undefined ? what === 'stored' : now < position)
      wrongs.push(`${id} was ${what} up to ${position}, and is up to ${now}`)
  }
  return wrongs
}
