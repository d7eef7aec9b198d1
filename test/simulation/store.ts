// A destination that commits lines and the marks of their streams in one transaction, as the archive does. It stands in for the
// archive, because SQLite cannot run on a simulated disk.

import { sleep } from '../../common/clock.ts'
import type { ComponentContext, DestinationType } from '../../common/component.ts'
import { errnoOf, Fault } from '../../common/fault.ts'
import { options } from '../../common/option.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination, StreamMarks } from '../../common/pipeline/sink.ts'
import { freshMessages } from '../../common/pipeline/stream-marks.ts'
import { idOf } from './writer.ts'

export const STORE = '/out/store'
const RETRY_MS = 500

interface State {
  readonly marks: Readonly<Record<string, number>>
  /** Ids of the lines, in intake order. */
  readonly lines: readonly string[]
}

interface Open {
  readonly batch: Batch
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

export const storeType: DestinationType<unknown> = {
  type: 'store',
  about: 'A transactional store in memory.',
  options: options({}),
  create: (_, context) => new Store(context),
}

class Store implements Destination {
  readonly name: string
  readonly streams: StreamMarks = {
    marks: (ids) => {
      const known = ids.map((id) => [id, this.#state.marks[id]] as const)
      return Promise.resolve(new Map(known.filter((mark): mark is [string, number] => mark[1] !== undefined)))
    },
    retire: () => Promise.resolve(),
  }
  readonly #context: ComponentContext
  readonly #stop = new AbortController()
  #state: State = { marks: {}, lines: [] }
  #open: Open[] = []
  #running: Promise<void> | undefined

  constructor(context: ComponentContext) {
    this.name = context.name
    this.#context = context
  }

  async open(): Promise<void> {
    const { disk } = this.#context.platform
    try {
      this.#state = JSON.parse(String(await disk.readFile(STORE))) as State
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }

  write(batch: Batch): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stopping())
    return new Promise((resolve, reject) => {
      this.#open.push({ batch, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    for (const { reject } of this.#open.splice(0)) reject(this.#stopping())
  }

  #stopping(): Fault {
    return new Fault('STOPPING', this.name)
  }

  async #run(): Promise<void> {
    const { clock, disk } = this.#context.platform
    const { signal } = this.#stop
    while (this.#open.length > 0 && !signal.aborted) {
      const count = this.#open.length
      const next = this.#open.reduce((state, { batch }) => after(state, batch), this.#state)
      try {
        await disk.replaceFile(STORE, Buffer.from(JSON.stringify(next)))
      } catch {
        await sleep(clock, RETRY_MS, signal)
        continue
      }
      this.#state = next
      for (const { resolve } of this.#open.splice(0, count)) resolve()
    }
    this.#running = undefined
  }
}

function after({ marks, lines }: State, batch: Batch): State {
  const fresh = freshMessages(batch, (id) => marks[id])
  const { slab, bounds, count } = batch
  const added: string[] = []
  for (let i = 0; i < count; i += 1) {
    if (!fresh || fresh[i] === 1) added.push(idOf(slab.bytes.toString('latin1', bounds[2 * i], bounds[2 * i + 1])))
  }
  const advanced = { ...marks }
  for (const { stream } of batch.runs) if (stream) advanced[stream.id] = Math.max(advanced[stream.id] ?? 0, stream.to)
  return { marks: advanced, lines: [...lines, ...added] }
}
