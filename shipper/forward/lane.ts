// The interface between a destination and its lanes. A lane maintains the connection to one receiver.

import type { Fault } from '../../common/fault.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import type { Receiver } from './dial.ts'
import type { WireEncoder } from './wire-encoder.ts'

/** A batch that was given to a lane. The lane settles it exactly once, unless it gives it back (`takeBack`). */
export interface Given {
  readonly batch: Batch
  /** The stream for those messages whose source has none, and the position in it before the first message of the batch. */
  readonly own: { readonly id: string; readonly from: number }
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

/** The constructor options that all lanes share. */
export interface LaneOptions {
  /** Name of its destination. */
  readonly name: string
  readonly receiver: Receiver
  /** Used by this lane alone. */
  readonly encoder: WireEncoder
  readonly platform: Platform
}

export interface Lane {
  /** The receiver, as it is called in logs and in the status. */
  readonly to: string
  /** How far the receiver has streams, if its protocol can tell. */
  readonly streams?: StreamMarks
  /** Number of single messages dropped so far. They settle with the rest of their batch. Absent if the lane drops none. */
  readonly dropped?: number
  /** Whether it was abandoned because it accepted nothing, and has accepted nothing since. */
  readonly standsStill?: boolean
  /** Starts to connect, and keeps trying until `close`. */
  open(): Promise<void>
  /** Takes a batch to be sent; rejects it if the lane is closed. */
  give(given: Given): void
  /**
   * Returns the batches that are not settled, in the order in which they were given, and forgets them. Messages that the receiver may
   * have are counted as in doubt.
   */
  takeBack(): readonly Given[]
  /** Rejects the open writes and ends the connection; if there are none, with an orderly end. */
  close(deadlineMs: number): Promise<void>
}

/** The destination as a lane sees it: it knows the other receivers. */
export interface LaneOwner {
  /** Whether there are other receivers. */
  readonly hasOthers: boolean
  /**
   * Called with true when the receiver has shown that it accepts messages, with false when it is lost, could not be reached, or is
   * abandoned. By then `takeBack` gives what it had.
   */
  changed(isUp: boolean): void
  /** Whether another receiver is there for what this one does not accept. */
  mayLeave(): boolean
}
