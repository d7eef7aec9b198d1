// Rebuilds batches in another thread from what was posted: the slab as a range of shared memory, origins by number.

import { assert } from '../../common/fault.ts'
import { unpooledCopy } from '../../common/unpooled-copy.ts'
import { utc, zoneNamed } from '../../common/message/zone.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import type { Slab } from '../../common/pipeline/slab.ts'
import type { OriginData, WriteData } from './archive-protocol.ts'

export class BatchReader {
  readonly #origins = new Map<number, { readonly data: OriginData; readonly origin: Origin }>()
  /** The origins of the writes that were read, since origins may be forgotten before those writes are stored. */
  readonly #originsOf = new WeakMap<WriteData, readonly OriginData[]>()

  /** Defines an origin's number; to be called before its first batch is read. `first`: forgets all numbers defined before. */
  define({
    number,
    first,
    origin,
  }: {
    readonly number: number
    readonly first: boolean
    readonly origin: OriginData
  }): void {
    if (first) this.#origins.clear()
    this.#origins.set(number, { data: origin, origin: originOf(origin) })
  }

  /** The origin of each run of a write that was read before. */
  originsOf(write: WriteData): readonly OriginData[] {
    const origins = this.#originsOf.get(write)
    assert(origins !== undefined, 'a write is read before its origins are asked for')
    return origins
  }

  /** The batch of a posted write; its slab is the same memory. */
  read(write: WriteData): Batch {
    const { buffer, byteOffset, length, bounds, count, received, marks } = write
    const bytes = Buffer.from(buffer, byteOffset, length)
    const slab = { bytes, view: new DataView(buffer, byteOffset, length) } as unknown as Slab
    const origins = write.runs.map(({ origin }) => this.#known(origin))
    this.#originsOf.set(
      write,
      origins.map(({ data }) => data),
    )
    const runs = write.runs.map(({ count, received, stream }, i) => {
      return {
        count,
        origin: origins[i].origin,
        ...(received !== undefined && { received }),
        ...(stream && { stream }),
      }
    })
    return { slab, bounds, count, received, runs, ...(marks && { marks }) }
  }

  #known(number: number) {
    const known = this.#origins.get(number)
    assert(known !== undefined, 'an origin is told before its first write')
    return known
  }
}

function originOf({ peer, zone, host, program, ...rest }: OriginData): Origin {
  return {
    ...rest,
    ...(peer !== undefined && { peer }),
    zone: zoneNamed(zone) ?? utc,
    host: unpooledCopy(host),
    program: unpooledCopy(program),
  }
}
