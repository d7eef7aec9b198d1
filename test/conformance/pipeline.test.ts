import { DestinationQueue } from '../../common/pipeline/destination-queue.ts'
import { Router, type Route, type Selector } from '../../common/pipeline/router.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { textsOf } from '../fake/sink.ts'
import { LateDestination } from './late-destination.ts'
import { bodyOf } from './outputs.ts'
import { conformsAsSink, type SinkSubject } from './sink.ts'
import { suitePlatform } from './surroundings.ts'

// Less than the suite's open writes have, so that some of them wait.
const QUEUE_BYTES = 300

function queued(isStalled: boolean): Promise<SinkSubject> {
  const late = new LateDestination('late', isStalled)
  const queue = new DestinationQueue(late, suitePlatform(), QUEUE_BYTES)
  const open = new Set<Promise<void>>()
  const write = (batch: Batch) => {
    const settled = queue.write(batch)
    open.add(settled)
    return settled
  }
  // Drains as a pipeline does: open writes settle until the deadline, then the queue stops.
  const close = async (deadlineMs: number) => {
    if (deadlineMs > 0 && !isStalled) await Promise.allSettled(open)
    queue.stop()
    await late.close()
  }
  return Promise.resolve({ sink: { write }, close, output: () => Promise.resolve([late.texts.map(bodyOf)]) })
}

function containing(...texts: string[]): Selector {
  return {
    select(batch: Batch, into: Uint8Array) {
      textsOf(batch).forEach((text, i) => (into[i] = texts.some((each) => text.includes(each)) ? 1 : 0))
    },
  }
}

/** Two destinations behind routes that send each message to exactly one of them. */
function routed(routes: readonly Route[]): Promise<SinkSubject> {
  const late = [new LateDestination('one'), new LateDestination('two')]
  const sink = new Router(routes, late, suitePlatform().metrics).sinkFor('network')
  return Promise.resolve({ sink, output: () => Promise.resolve(late.map(({ texts }) => texts.map(bodyOf))) })
}

conformsAsSink('destination queue', { make: () => queued(false), stalled: () => queued(true) })
conformsAsSink('router, one destination', { make: () => routed([{ to: [0], final: false }]) })
conformsAsSink('router, two destinations that share the messages', {
  make: () =>
    routed([
      { where: containing('3', 'one', 'x', 'last'), to: [0], final: true },
      { to: [1], final: false },
    ]),
})
