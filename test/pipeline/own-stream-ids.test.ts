// Streams behind one of several forwards have ids of their own.

import { expect, test } from 'vitest'
import type { Batch } from '../../common/pipeline/batch.ts'
import { OwnStreamIds } from '../../common/pipeline/own-stream-ids.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { batch } from './batches.ts'

const ID = '0123456789abcdef0123456789abcdef'
const OTHER = 'f'.repeat(32)

/** A destination that keeps what it is given, and the marks of its streams. */
function keeper(name: string) {
  const written: Batch[] = []
  const known = new Map<string, number>()
  const retired: string[] = []
  const destination: Destination = {
    name,
    streams: {
      marks: (ids) => Promise.resolve(new Map([...known].filter(([id]) => ids.includes(id)))),
      retire: (ids) => Promise.resolve(void retired.push(...ids)),
    },
    open: () => Promise.resolve(),
    write(given) {
      written.push(given)
      for (const { stream } of given.runs) if (stream) known.set(stream.id, stream.to)
      given.defects = Uint32Array.of(1)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
  return { own: new OwnStreamIds(destination), written, known, retired }
}

const inStream = () => batch([{ texts: ['a'], from: 5, id: ID }])

test('a stream has another id behind each destination, always the same, and its positions stay', async () => {
  const [one, two, oneAgain] = [keeper('one'), keeper('two'), keeper('one')]
  for (const { own } of [one, two, oneAgain]) await own.write(inStream())
  const ids = [one, two, oneAgain].map(({ written }) => written[0].runs[0].stream!.id)
  expect(new Set([ID, ...ids]).size).toBe(3)
  expect(ids[2]).toBe(ids[0])
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/)
  expect(one.written[0].runs[0].stream).toMatchObject({ from: 5, to: 15 })
})

test('marks and retire are about the ids that the source knows', async () => {
  const { own, known, retired } = keeper('one')
  await own.write(inStream())
  expect(await own.streams!.marks([ID, OTHER])).toEqual(new Map([[ID, 15]]))
  await own.streams!.retire([ID])
  expect(retired).toEqual([...known.keys()])
})

test('messages without a stream stay without one, and defects that were found reach the batch', async () => {
  const { own, written } = keeper('one')
  const given = batch([{ texts: ['a'] }])
  await own.write(given)
  expect(written[0].runs).toEqual(given.runs)
  expect(given.defects).toEqual(Uint32Array.of(1))
})
