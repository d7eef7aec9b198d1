// What the destination and its lanes say to each other. A lane keeps up the way to one receiver.

import type { Fault } from '../../common/fault.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { StreamMarks } from '../../common/pipeline/sink.ts'

/** A batch on its way. It is settled once, by the lane that has it. */
export interface Given {
  readonly batch: Batch
  /** The stream of messages that have none of their own, and the position in it before the batch's first message. */
  readonly own: { readonly id: string; readonly from: number }
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

export interface Lane {
  /** The receiver, as it is written. */
  readonly to: string
  /** What the receiver says of streams, where its protocol has words for it. */
  readonly streams?: StreamMarks
  /** Messages so far that were dropped, one by one, and settle with the others of their batch. None where absent. */
  readonly dropped?: number
  /** Whether it was left since it took nothing, and has taken nothing since. */
  readonly standsStill?: boolean
  /** Begins to connect, and goes on trying for as long as the lane lives. */
  open(): Promise<void>
  give(given: Given): void
  /** What is not settled, in the order in which it was given; the lane forgets it. What the receiver may have is counted as in doubt. */
  takeBack(): readonly Given[]
  /** Ends the connection, in order where nothing is open; the open writes are rejected. */
  close(deadlineMs: number): Promise<void>
}

/** Knows the other receivers. */
export interface Overseer {
  /**
   * Told true when the receiver has shown that it takes messages; false when it is lost, could not be reached, or is left. By then
   * `takeBack` gives what it had.
   */
  changed(isUp: boolean): void
  /** Whether another is there for what this one does not take. */
  mayLeave(): boolean
}
