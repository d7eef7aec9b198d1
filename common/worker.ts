// Worker threads, all of which are started here. A worker is a module of this program, named by its path below the
// root without its extension. A thread always runs the compiled file, even if the caller is TypeScript run by the
// test runner (whose global setup builds `dist/` first).
//
// A worker that ends unexpectedly is never overlooked, since its work is not done. Its owner is notified once, with a
// WORKER_DIED fault, and decides what to do; posting to it after that is a bug.

import { parentPort, Worker, workerData } from 'node:worker_threads'
import { assert, Fault, reasonOf } from './fault.ts'
import { WORKER_MESSAGES_MAX } from './limits.ts'

export interface WorkerOptions<FromWorker> {
  /** Such as `collector/archive/archive-worker`. */
  readonly module: string
  /** Passed to the worker as `workerData`. */
  readonly data: unknown
  readonly onMessage: (message: FromWorker) => void
  /** Called once if the worker ends without having been stopped. */
  readonly onDeath: (fault: Fault) => void
}

export class WorkerThread<ToWorker, FromWorker> {
  readonly #worker: Worker
  #open = 0
  #ended = false
  #cause: unknown

  constructor({ module, data, onMessage, onDeath }: WorkerOptions<FromWorker>) {
    this.#worker = new Worker(compiled(module), { workerData: data, name: module.slice(module.lastIndexOf('/') + 1) })
    this.#worker.on('message', (message: FromWorker) => onMessage(message))
    this.#worker.on('error', (error) => (this.#cause = error))
    this.#worker.on('exit', (code) => {
      if (this.#ended) return
      this.#ended = true
      const why = this.#cause === undefined ? `it exited with ${code}` : reasonOf(this.#cause)
      onDeath(new Fault('WORKER_DIED', `${module}: ${why}`, { cause: asThrown(this.#cause) }))
    })
  }

  /** The number of messages that the worker has not answered. */
  get open(): number {
    return this.#open
  }

  /** Sends a message, which the worker must answer (see `answered`): the queue in front of it is bounded. */
  post(message: ToWorker): void {
    assert(!this.#ended, 'nothing is posted to a worker that has ended')
    assert(this.#open < WORKER_MESSAGES_MAX, 'a worker has a bounded number of unanswered messages')
    this.#open += 1
    this.#worker.postMessage(message)
  }

  /** To be called when `count` messages have been answered. */
  answered(count: number = 1): void {
    this.#open -= count
  }

  /**
   * Sends a last message, on which the worker must call `workerOwner().end()`, and waits for its end: the work in
   * progress is finished first. For threads that call native code, which may take the whole process down if it is
   * interrupted.
   */
  async finish(last: ToWorker): Promise<void> {
    this.#ended = true
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.postMessage(last)
    await exit
  }

  /** Terminates the thread immediately. */
  async stop(): Promise<void> {
    this.#ended = true
    await this.#worker.terminate()
  }
}

/** A `Fault` from another thread arrives as a plain error with the same fields. */
function asThrown(error: unknown): unknown {
  if (!(error instanceof Error && error.name === 'Fault')) return error
  const { code, detail, retryable } = error as Fault
  return new Fault(code, detail, { retryable, cause: error.cause })
}

/** In a worker thread: answers every message with the result of `answer`. */
export function answerEach(answer: (message: unknown) => unknown): void {
  parentPort?.on('message', (message: unknown) => parentPort?.postMessage(answer(message)))
}

/** A worker's view of its owner. */
export interface WorkerOwner<ToWorker, FromWorker, Data> {
  /** The `data` that it was started with. */
  readonly data: Data
  readonly tell: (message: FromWorker) => void
  /** Calls `onMessage` for each message, in order. From then on the thread lives until it is stopped. */
  readonly listen: (onMessage: (message: ToWorker) => void) => void
  /** Ends the thread: no further messages are received, and pending work is abandoned. */
  readonly end: () => void
}

/** The owner of the calling thread. */
export function workerOwner<ToWorker, FromWorker, Data>(): WorkerOwner<ToWorker, FromWorker, Data> {
  const port = parentPort
  assert(port !== null, 'this module runs as a worker')
  return {
    data: workerData as Data,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    tell: (message) => port.postMessage(message),
    listen: (onMessage) => void port.on('message', onMessage),
    end: () => process.exit(),
  }
}

function compiled(module: string): URL {
  const fromSource = import.meta.url.endsWith('.ts')
  return new URL(`../${fromSource ? 'dist/' : ''}${module}.js`, import.meta.url)
}
