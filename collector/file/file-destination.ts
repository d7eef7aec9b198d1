// The `file` destination: lines appended to one file, or to many by a template.
//
//   batch ──▶ render, line by line ──▶ part of each file it touches ──▶ one write in flight a file ──▶ settled
//
// A write settles when its bytes are with the kernel. It survives the death of this process, not that of the machine:
// for sources that cannot read again (UDP, TCP, sockets) nothing more is to be had.

import { Fault, reasonOf } from '../../common/fault.ts'
import { FILE_BUFFER_BYTES_MAX } from '../../common/limits.ts'
import type { Platform } from '../../common/platform.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { FileOpener, type FileAccess } from './file-opener.ts'
import { FileSet } from './file-set.ts'
import { OutputPool, type Output } from './output.ts'
import type { OutputFile } from './output-file.ts'
import { Ticket } from './ticket.ts'

/** Renders messages as lines. */
export interface LineFormat {
  writeLines(batch: Batch, output: Output): void
}

export interface FileDestinationOptions {
  readonly path: string
  readonly line: LineFormat
  readonly access: FileAccess
  /** Files held open at most. */
  readonly filesMax: number
}

interface Held {
  readonly batch: Batch
  readonly resolve: (settled: Promise<void>) => void
  readonly reject: (reason: unknown) => void
}

const OUTPUT_BYTES_FIRST = 320 * 1024

export class FileDestination implements Destination {
  readonly name: string
  readonly #options: FileDestinationOptions
  readonly #platform: Platform
  readonly #files: FileSet
  #file!: OutputFile
  #writes = 0
  #unwritten = 0
  #held: Held[] = []
  #open = new Set<Ticket>()
  #closing = false

  constructor(name: string, options: FileDestinationOptions, platform: Platform) {
    this.name = name
    this.#options = options
    this.#platform = platform
    const opener = new FileOpener(platform.disk, options.access)
    const pool = new OutputPool(OUTPUT_BYTES_FIRST)
    const setOptions = { name, filesMax: options.filesMax }
    this.#files = new FileSet(setOptions, platform, opener, pool, (bytes) => this.#written(bytes))
  }

  async open(): Promise<void> {
    this.#file = this.#files.file(this.#options.path)
    try {
      await this.#file.open(this.#files)
    } catch (error) {
      throw new Fault('FILE_UNWRITABLE', `${this.#options.path}: ${reasonOf(error)}`, { cause: error })
    }
  }

  write(batch: Batch): Promise<void> {
    if (this.#closing) return Promise.reject(new Fault('STOPPING', `${this.name} takes nothing more`))
    if (this.#held.length === 0 && this.#unwritten < FILE_BUFFER_BYTES_MAX) return this.#take(batch)
    return new Promise((resolve, reject) => this.#held.push({ batch, resolve, reject }))
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    const { clock } = this.#platform
    let cancel = () => {}
    const deadline = new Promise<void>((resolve) => (cancel = clock.after(deadlineMs, resolve)))
    await Promise.race([this.#drain(), deadline])
    cancel()
    this.#files.stop()
    const stopping = new Fault('STOPPING', `${this.name} was stopped before it could write`)
    for (const { reject } of this.#held.splice(0)) reject(stopping)
    for (const file of this.#files.all()) {
      file.abandon(stopping)
      await this.#files.close(file)
    }
  }

  async #drain(): Promise<void> {
    while (this.#held.length > 0 || this.#open.size > 0) {
      await Promise.allSettled([...this.#open].map(({ settled }) => settled))
    }
  }

  #take(batch: Batch): Promise<void> {
    if (batch.count === 0) return Promise.resolve()
    const ticket = new Ticket()
    this.#open.add(ticket)
    this.#writes += 1
    this.#render(batch, ticket)
    ticket.release()
    return ticket.settled.finally(() => this.#open.delete(ticket))
  }

  #render(batch: Batch, ticket: Ticket): void {
    const file = this.#file
    const { output } = file
    const before = output.length
    this.#options.line.writeLines(batch, output)
    this.#unwritten += output.length - before
    file.usedAt = this.#writes
    file.note(ticket)
    this.#files.work(file)
  }

  #written(bytes: number): void {
    this.#unwritten -= bytes
    while (this.#held.length > 0 && this.#unwritten < FILE_BUFFER_BYTES_MAX) {
      const { batch, resolve } = this.#held.shift()!
      resolve(this.#take(batch))
    }
  }
}
