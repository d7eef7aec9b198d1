// The messages of a stored block, column by column. Each column is decoded on first use and then kept.

import { effectiveTime } from './block-builder.ts'
import { ByteReader } from './byte-writer.ts'
import {
  FIELD_STREAMS,
  MESSAGE_STREAMS,
  NO_PID,
  PID_IS_TEXT,
  readIds,
  TEXT_STREAMS,
  type FieldStream,
  type MessageStream,
  type Texts,
  type TextStream,
} from './columns.ts'
import { joinMessages } from './message-join.ts'
import { Pack } from './pack.ts'
import { headerLength, rebuildHeader } from './rebuild.ts'
import { readShape, UNIT_MS, UNIT_NONE, UNIT_ODD, UNIT_SECOND, type Shape } from './shape.ts'

/** The source that a message came in through, and the address of its sender. */
export interface BlockOrigin {
  readonly source: string
  /** Absent for messages that were read on this machine. */
  readonly peer?: string
}

export interface Pids {
  /** For each message its pid, `NO_PID` or `PID_IS_TEXT`. */
  readonly numbers: Int32Array
  /** The pids that are not plain numbers, in message order. */
  readonly texts: Texts
}

/** The stored blobs of a block that its messages are decoded from. */
export interface BlockBlobs {
  readonly hosts: Uint8Array
  readonly programs: Uint8Array
  readonly fields: Uint8Array
  readonly texts: Uint8Array
}

export class DecodedBlock {
  /** Ordinal of message 0 within its day. */
  readonly first: number
  readonly count: number
  readonly #blobs: BlockBlobs
  readonly #fields: Pack
  readonly #texts: Pack
  readonly #kept = new Map<string, unknown>()
  /** The fault of each column that cannot be decoded. */
  readonly #unreadable = new Map<string, unknown>()
  readonly #faultOf: (error: unknown) => unknown

  /**
   * Throws a RangeError if the blobs are damaged. The columns are decoded later: if one of them turns out to be damaged, its getter
   * throws what `faultOf` returns for that RangeError or zstd error.
   */
  constructor(first: number, count: number, blobs: BlockBlobs, faultOf = (error: unknown) => error) {
    this.first = first
    this.count = count
    this.#blobs = blobs
    this.#fields = new Pack(blobs.fields)
    this.#texts = new Pack(blobs.texts)
    this.#faultOf = faultOf
  }

  /** A column that cannot be decoded is decoded only once as well: a search that prints the block asks for each of its messages. */
  #once<T>(name: string, make: () => T): T {
    const value = this.#kept.get(name) as T | undefined
    if (value !== undefined) return value
    if (this.#unreadable.has(name)) throw this.#unreadable.get(name)
    try {
      const made = make()
      this.#kept.set(name, made)
      return made
    } catch (error) {
      const fault = this.#faultOf(error)
      this.#unreadable.set(name, fault)
      throw fault
    }
  }

  #field(name: FieldStream): Uint8Array {
    return this.#fields.stream(FIELD_STREAMS.indexOf(name))
  }

  #text(name: TextStream): Uint8Array {
    return this.#texts.stream(TEXT_STREAMS.indexOf(name))
  }

  /** Facility * 8 + severity. */
  get priorities(): Uint8Array {
    return this.#once('priorities', () => exactly(this.#field('priorities'), this.count))
  }

  /** The distinct hosts; `hostIds` has the index of each message's host. */
  get hosts(): Texts {
    return this.#once('hosts', () => readDictionary(this.#blobs.hosts))
  }

  get hostIds(): Uint32Array {
    return this.#once('hostIds', () => readIds(this.#field('hosts'), this.count, countOf(this.hosts)))
  }

  get programs(): Texts {
    return this.#once('programs', () => readDictionary(this.#blobs.programs))
  }

  /** The index in `programs` of each message's program; an empty program stands for none. */
  get programIds(): Uint32Array {
    return this.#once('programIds', () => readIds(this.#field('programs'), this.count, countOf(this.programs)))
  }

  get msgids(): Texts {
    return this.#once('msgids', () => textsOf(this.#field('msgidLengths'), this.#field('msgidBytes')))
  }

  get msgidIds(): Uint32Array {
    return this.#once('msgidIds', () => readIds(this.#field('msgids'), this.count, countOf(this.msgids)))
  }

  get origins(): readonly BlockOrigin[] {
    return this.#once('origins', () => {
      const { bytes, starts } = this.originTexts
      return Array.from({ length: starts.length - 1 }, (_, i) => {
        const text = bytes.toString('utf8', starts[i], starts[i + 1])
        const end = text.lastIndexOf('\0')
        const peer = text.slice(end + 1)
        return { source: text.slice(0, end), ...(peer !== '' && { peer }) }
      })
    })
  }

  /** The entries of the dictionary of origins, each of which is source, NUL, peer. */
  get originTexts(): Texts {
    return this.#once('originTexts', () => textsOf(this.#field('originLengths'), this.#field('originBytes')))
  }

  get originIds(): Uint32Array {
    return this.#once('originIds', () => readIds(this.#field('origins'), this.count, this.origins.length))
  }

  /** For each message when the first sluice on its way received it, µs since the epoch. */
  get received(): Float64Array {
    return this.#once('received', () => {
      const reader = new ByteReader(this.#field('received'))
      const received = new Float64Array(this.count)
      for (let i = 0, last = 0; i < this.count; i += 1) received[i] = last += reader.zigzag()
      return received
    })
  }

  /** Each message's own time, µs since the epoch; NaN if it has no usable one. */
  get times(): Float64Array {
    return this.#once('times', () => this.#readTimes())
  }

  #readTimes(): Float64Array {
    const seconds = new ByteReader(this.#field('seconds'))
    const milliseconds = new ByteReader(this.#field('milliseconds'))
    const microseconds = new ByteReader(this.#field('microseconds'))
    const odd = this.#field('oddTimes')
    const oddTimes = new Float64Array(new Uint8Array(odd).buffer)
    const { shapes, shapeIds } = this
    const times = new Float64Array(this.count)
    let [second, ms, us, at] = [0, 0, 0, 0]
    for (let i = 0; i < this.count; i += 1) {
      const { unit } = shapes[shapeIds[i]]
      if (unit === UNIT_SECOND) times[i] = 1_000_000 * (second += seconds.zigzag())
      else if (unit === UNIT_MS) times[i] = 1000 * (ms += milliseconds.zigzag())
      else if (unit === UNIT_NONE) times[i] = NaN
      else if (unit === UNIT_ODD) times[i] = oddTimes[at++]
      else times[i] = us += microseconds.zigzag()
    }
    return times
  }

  /** The times by which results are ordered (`effectiveTime`), µs since the epoch. */
  get effectiveTimes(): Float64Array {
    return this.#once('effectiveTimes', () => {
      const { times, received } = this
      return times.map((time, i) => effectiveTime(time, received[i]))
    })
  }

  get shapes(): readonly Shape[] {
    return this.#once('shapes', () => {
      const { bytes, starts } = this.shapeTexts
      return Array.from({ length: starts.length - 1 }, (_, i) => readShape(bytes.subarray(starts[i], starts[i + 1])))
    })
  }

  /** The encoded entries of the dictionary of shapes (`shape.ts`). */
  get shapeTexts(): Texts {
    return this.#once('shapeTexts', () => textsOf(this.#field('shapeLengths'), this.#field('shapeBytes')))
  }

  get shapeIds(): Uint32Array {
    return this.#once('shapeIds', () => readIds(this.#field('shapes'), this.count, this.shapes.length))
  }

  /** For each message a bit set of defects (`message/defects.ts`). */
  get defects(): Uint32Array {
    return this.#once('defects', () => {
      const bytes = this.#field('defects')
      const defects = new Uint32Array(this.count)
      if (bytes.length === 0) return defects
      const reader = new ByteReader(bytes)
      for (let i = 0; i < this.count; i += 1) defects[i] = reader.varint()
      return defects
    })
  }

  get pids(): Pids {
    return this.#once('pids', () => {
      const { hostIds, programIds } = this
      const programCount = countOf(this.programs)
      const reader = new ByteReader(this.#field('pids'))
      const numbers = new Int32Array(this.count)
      // Pids are deltas per pair of host and program, as the builder writes them. The last pids are in an array indexed by pair
      // if there are not too many possible pairs, else in a map.
      const pairs = countOf(this.hosts) * programCount
      const last = new Int32Array(pairs <= PAIRS_MAX ? pairs : 0)
      const rare = new Map<number, number>()
      let textCount = 0
      for (let i = 0; i < this.count; i += 1) {
        const value = reader.varint()
        if (value < 2) {
          textCount += value
          numbers[i] = value === 0 ? NO_PID : PID_IS_TEXT
          continue
        }
        const pair = hostIds[i] * programCount + programIds[i]
        const delta = value % 2 === 0 ? (value - 2) / 2 : -(value - 1) / 2
        if (pairs <= PAIRS_MAX) numbers[i] = last[pair] += delta
        else {
          numbers[i] = (rare.get(pair) ?? 0) + delta
          rare.set(pair, numbers[i])
        }
      }
      const texts = textsOf(this.#field('pidLengths'), this.#field('pidBytes'))
      if (textCount !== countOf(texts)) throw new RangeError('there are more or fewer pids than they have texts')
      return { numbers, texts }
    })
  }

  get messages(): Texts {
    return this.#once('messages', () => {
      const streams = MESSAGE_STREAMS.map((name) => [name, this.#text(name)] as const)
      return joinMessages(Object.fromEntries(streams) as Record<MessageStream, Uint8Array>, this.count)
    })
  }

  /** An empty text for each message that has no structured data. */
  get structuredData(): Texts {
    return this.#once('structuredData', () => {
      const lengths = this.#text('structuredDataLengths')
      if (lengths.length === 0) return { bytes: Buffer.alloc(0), starts: new Uint32Array(this.count + 1) }
      return textsOf(lengths, this.#text('structuredDataBytes'), this.count)
    })
  }

  /** The headers that are stored as they came, and for each message the index of its header in them (-1: it is rebuilt). */
  get keptHeaders(): { readonly texts: Texts; readonly numbers: Int32Array } {
    return this.#once('keptHeaders', () => {
      const { shapes, shapeIds } = this
      const numbers = new Int32Array(this.count)
      for (let i = 0, next = 0; i < this.count; i += 1) numbers[i] = shapes[shapeIds[i]].kept ? next++ : -1
      return { texts: textsOf(this.#text('headerLengths'), this.#text('headerBytes')), numbers }
    })
  }

  /** The pid of message i as text; empty if it has none. */
  pid(i: number): Buffer {
    const { numbers, texts } = this.pids
    if (numbers[i] === NO_PID) return Buffer.alloc(0)
    if (numbers[i] !== PID_IS_TEXT) return Buffer.from(String(numbers[i]))
    const at = this.pidTextNumbers[i]
    return texts.bytes.subarray(texts.starts[at], texts.starts[at + 1])
  }

  /** For each message whose pid is text, the index of that text in `pids.texts`; 0 for the others. */
  get pidTextNumbers(): Int32Array {
    return this.#once('pidTextNumbers', () => {
      const { numbers } = this.pids
      const texts = new Int32Array(this.count)
      for (let i = 0, next = 0; i < this.count; i += 1) if (numbers[i] === PID_IS_TEXT) texts[i] = next++
      return texts
    })
  }

  /** The bytes of message i exactly as they came. */
  raw(i: number): Buffer {
    const { bytes, starts } = this.messages
    const message = bytes.subarray(starts[i], starts[i + 1])
    return Buffer.concat([...rebuildHeader(this, i), message])
  }

  /** The length of `raw(i)`. */
  rawLength(i: number): number {
    const { starts } = this.messages
    return headerLength(this, i) + starts[i + 1] - starts[i]
  }
}

/** Largest number of pairs for which the last pids are kept in an array, which then takes 256 KiB. */
const PAIRS_MAX = 65_536

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new RangeError('a column has another length than its block has messages')
  return bytes
}

const countOf = ({ starts }: Texts) => starts.length - 1

/** Reads a dictionary of a block's row: a pack of lengths and bytes. Throws a RangeError, or zstd's error, if it is damaged. */
export function readDictionary(blob: Uint8Array): Texts {
  const stored = new Pack(blob)
  return textsOf(stored.stream(0), stored.stream(1))
}

function textsOf(lengths: Uint8Array, bytes: Uint8Array, count?: number): Texts {
  const starts = new Uint32Array((count ?? countVarints(lengths)) + 1)
  const reader = new ByteReader(lengths)
  let at = 0
  let i = 0
  while (reader.at < lengths.length && i < starts.length - 1) {
    at += reader.varint()
    i += 1
    starts[i] = at
  }
  if (at !== bytes.length || i !== starts.length - 1 || reader.at !== lengths.length) {
    throw new RangeError('a column of texts is shorter or longer than its lengths')
  }
  return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), starts }
}

/** Counts the bytes without a high bit: each varint ends in one. */
function countVarints(bytes: Uint8Array): number {
  let count = 0
  for (let i = 0; i < bytes.length; i += 1) count += 1 - (bytes[i] >>> 7)
  return count
}
