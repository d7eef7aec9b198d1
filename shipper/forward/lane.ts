// The interface between a destination and its lanes. A lane maintains the connection to one receiver.

import type { Fault } from '../../common/fault.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import type { Receiver } from './dial.ts'
import type { WireEncoder } from './wire-encoder.ts'

/** A batch on its way. It is settled once, by the lane that has it. */
export interface Given {
  readonly batch: Batch
  /** The stream of messages that have none of their own, and the position in it before the batch's first message. */
  readonly own: { readonly id: string; readonly from: number }
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

/** What every lane is made with. */
export interface LaneOptions {
  /** Name of its destination. */
  readonly name: string
  readonly receiver: Receiver
  /** Of this lane alone. */
  readonly encoder: WireEncoder
  readonly platform: Platform
}

export interface Lane {
  /** The receiver, as it is shown to people. */
  readonly to: string
  /** How far the receiver has streams, if its protocol can tell. */
  readonly streams?: StreamMarks
  /** Messages so far that were dropped, one by one, and settle with the others of their batch. None where absent. */
  readonly dropped?: number
  /** Whether it was abandoned because it accepted nothing, and has accepted nothing since. */
  readonly standsStill?: boolean
  /** Starts to connect, and keeps trying for as long as the lane lives. */
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
   * Called with true when the receiver has shown that it accepts messages, with false when it is lost, could not be reached, or is
   * abandoned. By then `takeBack` gives what it had.
   */
  changed(isUp: boolean): void
  /** Whether another receiver is there for what this one does not accept. */
  mayLeave(): boolean
}
