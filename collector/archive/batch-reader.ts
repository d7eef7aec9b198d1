// Batches as a thread gets them: a slab as shared memory and range, origins by their numbers.

import { assert } from '../../common/fault.ts'
import { utc, zoneNamed } from '../../common/message/zone.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import type { Slab } from '../../common/pipeline/slab.ts'
import type { OriginData, WriteData } from './archive-protocol.ts'

export class BatchReader {
  readonly #origins = new Map<number, { readonly data: OriginData; readonly origin: Origin }>()

  /** An origin is told before its first batch; `first` means that all before it are forgotten. */
  tell({
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

  /** What was told of an origin. */
  told(number: number): OriginData {
    return this.#known(number).data
  }

  read({ buffer, byteOffset, length, bounds, count, received, marks, ...rest }: WriteData): Batch {
    const bytes = Buffer.from(buffer, byteOffset, length)
    const slab = { bytes, view: new DataView(buffer, byteOffset, length) } as unknown as Slab
    const runs = rest.runs.map(({ count, origin, stream }) => {
      return { count, origin: this.#known(origin).origin, ...(stream && { stream }) }
    })
    return { slab, bounds, count, received, runs, ...(marks && { marks }) }
  }

  #known(number: number) {
    const known = this.#origins.get(number)
    assert(known !== undefined, 'an origin is told before its first write')
    return known
  }
}

function originOf({ peer, zone, host, program, received, ...rest }: OriginData): Origin {
  return {
    ...rest,
    ...(peer !== undefined && { peer }),
    ...(received !== undefined && { received }),
    zone: zoneNamed(zone) ?? utc,
    host: Buffer.from(host),
    program: Buffer.from(program),
  }
}
