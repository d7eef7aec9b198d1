// Prints matches with their neighbours (-A, -B, -C): the messages before and after a match from the same host and program, or
// from anywhere (`--context=all`). As in grep, matches whose neighbours touch or overlap form a group, and `--` separates
// groups. Only matches of the same host and program form one, so that the messages of many hosts are not mixed.
//
// Neighbours have to be within the time bounds of the search; its other conditions do not apply to them.

import { SEARCH_KEPT_BYTES_MAX } from '../../common/limits.ts'
import type { Texts } from '../archive/columns.ts'
import type { BlockCaches, Senders } from './block-caches.ts'
import type { EntryQueue } from './entry-queue.ts'
import { LruCache } from './lru-cache.ts'
import type { Selection } from './selection.ts'
import type { StoredBlock } from './stored-block.ts'
import { SenderRows } from './sender-rows.ts'
import { BlockOrder, comparePositions, Timeline, type Position } from './timeline.ts'

const NO_ROWS = new Uint32Array(0)
const NOTHING = Buffer.alloc(0)
const NO_NAME: Texts = { bytes: NOTHING, starts: new Uint32Array(2) }

export interface ContextOptions {
  /** Number of neighbours that are earlier and later in time. */
  readonly before: number
  readonly after: number
  /** Whether neighbours may be from any host and program. */
  readonly ofAll: boolean
}

/** The search whose matches get their neighbours. */
export interface SearchInProgress {
  readonly blocks: readonly StoredBlock[]
  readonly caches: BlockCaches
  readonly selection: Selection
  readonly queue: EntryQueue
  /** Whether a message is itself a match. */
  readonly isMatch: (block: StoredBlock, position: Position) => boolean
  /** Called with each error; records that something could not be read, and throws any other error. */
  readonly note: (error: unknown) => void
}

/** The messages of one host and program, or all messages. Neighbours are looked for within a conversation. */
interface Conversation {
  readonly host: Buffer
  readonly program: Buffer
  /** Both names as latin1. */
  readonly hostText: string
  readonly programText: string
  /** The conversation's last message that was printed. */
  printed?: Position
}

export class Neighbours {
  readonly #ofAll: boolean
  /** Number of neighbours printed before and after a match. */
  readonly #leading: number
  readonly #trailing: number
  readonly #sign: 1 | -1
  /** The blocks that have messages within the time bounds. */
  readonly #forwards: BlockOrder
  readonly #backwards: BlockOrder
  readonly #caches: BlockCaches
  readonly #selection: Selection
  readonly #isMatch: (block: StoredBlock, position: Position) => boolean
  readonly #note: (error: unknown) => void
  readonly #queue: EntryQueue
  readonly #everything: Conversation = { host: NOTHING, program: NOTHING, hostText: '', programText: '' }
  readonly #conversations = new Map<string, Conversation>()
  /**
   * By sender, the rows of blocks in time order. With a scan of the block for each match, a hundred thousand matches in a million messages
   * took half a minute; with one of its names, twenty thousand matches among 30,000 senders took as long.
   */
  readonly #rows = new LruCache<SenderRows>(SEARCH_KEPT_BYTES_MAX)
  #last: Conversation | undefined

  /** `backwards`: the newest message is printed first. */
  constructor(options: ContextOptions, backwards: boolean, search: SearchInProgress) {
    this.#ofAll = options.ofAll
    this.#leading = backwards ? options.after : options.before
    this.#trailing = backwards ? options.before : options.after
    this.#sign = backwards ? -1 : 1
    const timely = search.blocks.filter((block) => search.selection.isTimely(block))
    this.#forwards = new BlockOrder(timely, false)
    this.#backwards = new BlockOrder(timely, true)
    this.#caches = search.caches
    this.#selection = search.selection
    this.#isMatch = search.isMatch
    this.#note = search.note
    this.#queue = search.queue
  }

  /** Prints a match and its group, with at most `most` matches in it; returns the number of matches printed. */
  write(block: StoredBlock, position: Position, most: number): number {
    const conversation = this.#conversationOf(block, position)
    if (conversation.printed && this.#sign * comparePositions(position, conversation.printed) <= 0) return 0
    this.#writeLeading(conversation, position)
    let matches = this.#print(conversation, block, position, true) ? 1 : 0
    let left = this.#trailing
    const trailing = this.#walk(conversation, position, this.#sign)
    while (left > 0 && trailing.next()) {
      // After the last match that `-m` allows, further matches are printed as neighbours, as `grep -m` does with `-A`.
      const isMatch = matches < most && this.#isMatch(trailing.block, trailing.position)
      const printed = this.#print(conversation, trailing.block, trailing.position, isMatch)
      left = isMatch ? this.#trailing : left - 1
      if (isMatch && printed) matches += 1
    }
    return matches
  }

  /** Prints the neighbours before a match, and the separator before those unless they adjoin what was printed last. */
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

  /** Prints a message; returns false if it is known to be unreadable. */
  #print(conversation: Conversation, block: StoredBlock, position: Position, isMatch: boolean): boolean {
    conversation.printed = position
    this.#last = conversation
    return this.#queue.add(block, position.row, isMatch)
  }

  #conversationOf(block: StoredBlock, { row }: Position): Conversation {
    if (this.#ofAll) return this.#everything
    const { hosts, hostIds, programs, programIds } = this.#caches.senders(block)
    const host = textOf(hosts, hostIds[row])
    const program = textOf(programs, programIds[row])
    const hostText = host.toString('latin1')
    const programText = program.toString('latin1')
    const key = `${hostText}\n${programText}`
    let conversation = this.#conversations.get(key)
    if (!conversation) {
      conversation = { host: Buffer.from(host), program: Buffer.from(program), hostText, programText }
      this.#conversations.set(key, conversation)
    }
    return conversation
  }

  /** The conversation's messages after a position (`sign` 1) or before it (-1). */
  #walk(conversation: Conversation, from: Position, sign: 1 | -1): Timeline {
    return new Timeline(sign === 1 ? this.#forwards : this.#backwards, {
      after: from,
      timesOf: (block) => this.#caches.times(block),
      rowsOf: (block) => {
        try {
          return this.#rowsOf(block, conversation)
        } catch (error) {
          this.#note(error)
          return NO_ROWS
        }
      },
    })
  }

  /** The conversation's rows of the block within the time bounds, in time order. */
  #rowsOf(block: StoredBlock, conversation: Conversation): Uint32Array {
    const known = this.#rows.get(block)
    if (!known && !this.#ofAll && !mayBeIn(block, conversation)) return NO_ROWS
    const rows = known ?? this.#keep(block)
    return rows.of(conversation.hostText, conversation.programText)
  }

  #keep(block: StoredBlock): SenderRows {
    const { since, until } = this.#selection
    const times = this.#caches.times(block)
    const senders = this.#ofAll ? oneSender(times.length) : this.#caches.senders(block)
    const rows = new SenderRows(senders, times, since, until)
    return this.#rows.add(block, rows, rows.bytes)
  }
}

/** As if all messages were from a sender without names. */
function oneSender(count: number): Senders {
  const ids = new Uint32Array(count)
  return { hosts: NO_NAME, hostIds: ids, programs: NO_NAME, programIds: ids }
}

/** Whether the block may have messages of the conversation, as far as that is known without reading it. */
function mayBeIn(block: StoredBlock, { host, program }: Conversation): boolean {
  if (block.hosts && !block.hosts.some((name) => name.equals(host))) return false
  return !(block.programs && !block.programs.some((name) => name.equals(program)))
}

const textOf = ({ bytes, starts }: Texts, id: number): Buffer => bytes.subarray(starts[id], starts[id + 1])
