// Neighbours (-A, -B, -C): of the same host and program, or of everything. What belongs together is printed together,
// as in grep: a message that was searched for, its neighbours, and others of the kind that are near it; then `--`. So
// where hosts are many, one conversation is read at a time.
//
// The bounds of time hold for neighbours too; whatever else selects does not.

import type { BlockShelf } from './block-shelf.ts'
import type { EntryQueue } from './entry-queue.ts'
import type { Selection } from './selection.ts'
import type { StoredBlock, Texts } from './stored-block.ts'
import { comparePositions, Timeline, type Position } from './timeline.ts'

const NO_ROWS = new Uint8Array(0)

export interface ContextOptions {
  /** Messages earlier and later in time. */
  readonly before: number
  readonly after: number
  /** Neighbours are all messages, not those of the same host and program. */
  readonly ofAll: boolean
}

/** The search whose matches get their neighbours. */
export interface SearchInProgress {
  readonly blocks: readonly StoredBlock[]
  readonly shelf: BlockShelf
  readonly selection: Selection
  readonly queue: EntryQueue
  /** Whether a message is a match itself. */
  readonly isHit: (block: StoredBlock, position: Position) => boolean
  /** Is given each error in reading, and throws those that are no damage: the rest of the context is still printed. */
  readonly note: (error: unknown) => void
}

/** Messages among which neighbours are looked for. */
interface Conversation {
  readonly host?: Buffer
  readonly program?: Buffer
  /** The last message that was printed. */
  printed?: Position
}

export class Neighbours {
  readonly #ofAll: boolean
  /** In the order of printing. */
  readonly #leading: number
  readonly #trailing: number
  readonly #sign: 1 | -1
  readonly #blocks: readonly StoredBlock[]
  readonly #shelf: BlockShelf
  readonly #selection: Selection
  readonly #isHit: (block: StoredBlock, position: Position) => boolean
  readonly #note: (error: unknown) => void
  readonly #queue: EntryQueue
  readonly #conversations = new Map<string, Conversation>()
  #last: Conversation | undefined

  /** `backwards` where the newest message is printed first. */
  constructor(options: ContextOptions, backwards: boolean, search: SearchInProgress) {
    this.#ofAll = options.ofAll
    this.#leading = backwards ? options.after : options.before
    this.#trailing = backwards ? options.before : options.after
    this.#sign = backwards ? -1 : 1
    this.#blocks = search.blocks
    this.#shelf = search.shelf
    this.#selection = search.selection
    this.#isHit = search.isHit
    this.#note = search.note
    this.#queue = search.queue
  }

  /** Prints a message and what is around it, at most `most` that were searched for; returns how many those were. */
  write(block: StoredBlock, position: Position, most: number): number {
    const conversation = this.#conversationOf(block, position)
    if (conversation.printed && this.#sign * comparePositions(position, conversation.printed) <= 0) return 0
    this.#writeLeading(conversation, position)
    let hits = this.#print(conversation, block, position, true) ? 1 : 0
    let left = this.#trailing
    const trailing = this.#walk(conversation, position, this.#sign)
    while (left > 0 && trailing.next()) {
      // Behind the last one that is wanted, others are neighbours like any other (`grep -m` with `-A`).
      const isHit = hits < most && this.#isHit(trailing.block, trailing.position)
      const printed = this.#print(conversation, trailing.block, trailing.position, isHit)
      left = isHit ? this.#trailing : left - 1
      if (isHit && printed) hits += 1
    }
    return hits
  }

  /** Prints what leads to a message, and the separator before it unless it goes on where the last one ended. */
  #writeLeading(conversation: Conversation, position: Position): void {
    const leading: { block: StoredBlock; position: Position }[] = []
    const back = this.#walk(conversation, position, this.#sign === 1 ? -1 : 1)
    let adjoins = false
    while (back.next()) {
      adjoins = conversation.printed !== undefined && comparePositions(back.position, conversation.printed) === 0
      if (adjoins || leading.length === this.#leading) break
      leading.push({ block: back.block, position: back.position })
    }
    if (this.#last && !(adjoins && this.#last === conversation)) this.#queue.separator()
    for (const { block, position } of leading.reverse()) this.#print(conversation, block, position, false)
  }

  /** Returns false where it is known that the message cannot be read. */
  #print(conversation: Conversation, block: StoredBlock, position: Position, isHit: boolean): boolean {
    conversation.printed = position
    this.#last = conversation
    return this.#queue.add(block, position.row, isHit)
  }

  #conversationOf(block: StoredBlock, { row }: Position): Conversation {
    const key = this.#ofAll ? '' : this.#keyOf(block, row)
    let conversation = this.#conversations.get(key)
    if (!conversation) {
      conversation = {}
      if (!this.#ofAll) {
        const [host, program] = this.#namesOf(block, row)
        conversation = { host: Buffer.from(host), program: Buffer.from(program) }
      }
      this.#conversations.set(key, conversation)
    }
    return conversation
  }

  #keyOf(block: StoredBlock, row: number): string {
    const [host, program] = this.#namesOf(block, row)
    return `${host.toString('latin1')}\n${program.toString('latin1')}`
  }

  #namesOf(block: StoredBlock, row: number): [host: Buffer, program: Buffer] {
    const { hosts, hostIds, programs, programIds } = this.#shelf.senders(block)
    return [textOf(hosts, hostIds[row]), textOf(programs, programIds[row])]
  }

  /** The conversation's messages behind a position, in either direction. */
  #walk(conversation: Conversation, from: Position, sign: 1 | -1): Timeline {
    const { since, until } = this.#selection
    const blocks = this.#blocks.filter((block) => {
      if (block.timeMax < since || block.timeMin > until) return false
      return sign === 1 ? block.timeMax >= from.time : block.timeMin <= from.time
    })
    return new Timeline(blocks, {
      backwards: sign === -1,
      timesOf: (block) => this.#shelf.times(block),
      rowsOf: (block) => {
        try {
          return mayBeIn(block, conversation) ? this.#rowsBehind(block, conversation, from, sign) : NO_ROWS
        } catch (error) {
          this.#note(error)
          return NO_ROWS
        }
      },
    })
  }

  #rowsBehind(block: StoredBlock, conversation: Conversation, from: Position, sign: 1 | -1): Uint8Array {
    const times = this.#shelf.times(block)
    const found = new Uint8Array(times.length)
    const isIn = this.#membersOf(block, conversation)
    const { since, until } = this.#selection
    const { order } = block
    for (let row = 0; row < times.length; row += 1) {
      const time = times[row]
      if (time < since || time > until || sign * (time - from.time) < 0) continue
      if (time === from.time && sign * (order - from.order || row - from.row) <= 0) continue
      if (isIn(row)) found[row] = 1
    }
    return found
  }

  /** Tells of a row of the block whether it belongs to the conversation. */
  #membersOf(block: StoredBlock, { host, program }: Conversation): (row: number) => boolean {
    if (!host || !program) return () => true
    const { hosts, hostIds, programs, programIds } = this.#shelf.senders(block)
    const hostId = idOf(hosts, host)
    const programId = idOf(programs, program)
    return (row) => hostIds[row] === hostId && programIds[row] === programId
  }
}

/** Whether the block has its host and its program, as far as that is known without reading it. */
function mayBeIn(block: StoredBlock, { host, program }: Conversation): boolean {
  if (host && block.hosts && !block.hosts.some((name) => name.equals(host))) return false
  return !(program && block.programs && !block.programs.some((name) => name.equals(program)))
}

const textOf = ({ bytes, starts }: Texts, id: number): Buffer => bytes.subarray(starts[id], starts[id + 1])

/** Which of the texts it is; -1 for none. */
function idOf(texts: Texts, text: Buffer): number {
  for (let id = 0; id < texts.starts.length - 1; id += 1) if (textOf(texts, id).equals(text)) return id
  return -1
}
