// The `buffer:` option, which every destination has.

import { either, oneOf, options, OptionFault, textOption, type ZodType } from '../option.ts'
import { byteSize } from '../option-values.ts'
import type { SpoolOptions } from './spool-options.ts'

const bufferOptions = options({
  max: byteSize({ min: '1MiB' }).prefault('1GiB').describe('How large it may grow.'),
  when_full: oneOf('block', 'drop-oldest')
    .prefault('block')
    .describe('Whether its sources wait, or the oldest messages are dropped and counted.'),
  durability: oneOf('fsync', 'os')
    .prefault('fsync')
    .describe(
      'Whether a message counts as kept when it is on the disk, or when the system has it: a power cut then loses up to 30 s.',
    ),
  keep_free: byteSize()
    .prefault('16MiB')
    .describe('While the file system has less free space than this, the spool counts as full.'),
}).transform(({ max, when_full, durability, keep_free }): SpoolOptions => {
  return { bytesMax: max, whenFull: when_full, durability, freeBytesMin: keep_free }
})

const none = textOption({ kind: 'none' }, (value): 'none' => {
  if (value === 'none') return value
  const suggestion = /^\d/.test(value) ? { suggestion: `{ max: ${value} }` } : {}
  throw new OptionFault({
    sentence: `${JSON.stringify(value)} is no buffer; write its options, or none`,
    ...suggestion,
  })
})

/** `none`, or what a spool is told; undefined where neither is written. */
export function bufferOption(): ZodType<SpoolOptions | 'none' | undefined> {
  return either([none, bufferOptions])
    .optional()
    .describe('A spool on the disk in front of the destination; forwards of a relay have one unless it is `none`.')
}

/** What holds where nothing is written and there is a spool all the same. */
export const usualBuffer: SpoolOptions = bufferOptions.parse({})
