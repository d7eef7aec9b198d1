import { expect, test, vi } from 'vitest'
import { parseMask } from '../../common/expression/mask.ts'
import { headersOf } from '../../common/message/headers.ts'
import { SLAB_BYTES } from '../../common/limits.ts'
import { releaseBatch, selectMessages } from '../../common/pipeline/batch.ts'
import { FORMAT_MASK, FORMAT_RFC5424, KIND } from '../../common/pipeline/header-table.ts'
import { maskWith } from '../../common/pipeline/mask.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { textsOf } from '../fake/sink.ts'
import { batch } from './batches.ts'

const masked = (texts: readonly string[], ...patterns: string[]): string[] => {
  const slabs = new SlabPool()
  const given = batch([{ texts }])
  const copy = maskWith(patterns.map(parseMask), slabs)(given)
  expect(textsOf(given)).toEqual(texts)
  releaseBatch(given)
  const seen = textsOf(copy)
  releaseBatch(copy)
  // At most the slab that later copies will share.
  expect(slabs.bytesOut).toBeLessThanOrEqual(SLAB_BYTES)
  return seen
}

test('mask: every match in a text is overwritten in the copy, and the original does not change', () => {
  expect(masked(['<38>Oct 11 22:14:15 web-1 login: a=1 pw=hunter2 pw=x b', 'pw=y', 'no secret'], '/pw=[^ ]+/')).toEqual(
    ['<38>Oct 11 22:14:15 web-1 login: a=1 ********** **** b', '****', 'no secret'],
  )
})

test('mask: messages that were not selected do not change', () => {
  const given = batch([{ texts: ['pw=a', 'pw=b', 'pw=c'] }])
  expect(textsOf(maskWith([parseMask('/pw=./')], new SlabPool())(given, Uint8Array.of(1, 0, 1)))).toEqual([
    '****',
    'pw=b',
    '****',
  ])
})

test('mask: a header does not change, even if the pattern matches it', () => {
  expect(masked(['<38>Oct 11 22:14:15 web-1 su[77]: pin 1234'], String.raw`/\d+/`)).toEqual([
    '<38>Oct 11 22:14:15 web-1 su[77]: pin ****',
  ])
})

test('mask: every pattern is matched against the original text', () => {
  expect(masked(['card 1111 of ann'], '/card 1111/', '/1111 of/')).toEqual(['************ ann'])
})

test('mask: values of structured data are overwritten, but not their delimiters', () => {
  const given = batch([{ texts: ['<34>1 - h p - - [a@1 key="se\\"cret" x="1"][b@1 y="2"] text'] }])
  const copy = maskWith([parseMask('/key="[^ ]+"/')], new SlabPool())(given)
  expect(textsOf(copy)).toEqual(['<34>1 - h p - - [a@1 ***="**\\"****" x="1"][b@1 y="2"] text'])
  expect(headersOf(copy).cells[KIND] & FORMAT_MASK).toBe(FORMAT_RFC5424)
  expect(headersOf(copy).cells[KIND]).toBe(headersOf(given).cells[KIND])
})

test('mask: all bytes of a multi-byte character are overwritten', () => {
  const given = Buffer.from('café').toString('latin1')
  expect(masked([given], '/é/')).toEqual(['caf**'])
})

test('mask: a batch without messages keeps its stream ranges', () => {
  const whole = batch([{ texts: ['a', 'b'], from: 100 }])
  const nothing = selectMessages(whole, new Uint8Array(2))
  const copy = maskWith([parseMask('/a/')], new SlabPool())(nothing)
  expect(copy.count).toBe(0)
  expect(copy.runs[0].stream).toMatchObject({ from: 100, to: 120 })
})

test('mask: a message larger than a slab is copied completely', () => {
  const text = `${'x'.repeat(200_000)}secret`
  expect(masked([text], '/secret/')).toEqual([`${'x'.repeat(200_000)}******`])
})

test('mask: small copies share a slab, however many are held', () => {
  const slabs = new SlabPool()
  const mask = maskWith([parseMask('/pw=[^ ]+/')], slabs)
  const texts = Array.from({ length: 400 }, (_, i) => `${i} pw=${i}`)
  const copies = texts.map((text) => mask(batch([{ texts: [text] }])))
  expect(slabs.bytesOut).toBeLessThanOrEqual(2 * SLAB_BYTES)
  expect(copies.flatMap(textsOf)).toEqual(
    texts.map((text) => text.replaceAll(/pw=[^ ]+/g, (found) => '*'.repeat(found.length))),
  )
})

test('mask: the masks of several routes look at the original text, and share one copy', () => {
  const slabs = new SlabPool()
  const given = batch([{ texts: ['card 1111 of ann', 'card 1111 of bob'] }])
  const first = maskWith([parseMask('/card 1111/')], slabs)(given)
  const both = maskWith([parseMask('/1111 of/')], slabs)(given, Uint8Array.of(0, 1), first)
  expect(both).toBe(first)
  expect(textsOf(both)).toEqual(['********* of ann', '************ bob'])
})

test('mask: only messages that contain the literal of a pattern are read for the bounds of matches', () => {
  const pattern = parseMask('/secret=[^ ]+/')
  const finds = vi.spyOn(pattern, 'findAll')
  const given = batch([{ texts: ['GET /cart', 'secret: none', 'a secret=1 b'] }])
  expect(textsOf(maskWith([pattern], new SlabPool())(given))[2]).toBe('a ******** b')
  expect(finds).toHaveBeenCalledTimes(1)
})
