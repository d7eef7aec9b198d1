// The `buffer:` option, which every destination has.

import { either, oneOf, options, OptionFault, textOption, type ZodType } from '../option.ts'
import { byteSize } from '../option-values.ts'
import type { SpoolOptions } from './spool-options.ts'

const bufferOptions = options({
  max: byteSize({ min: '1MiB' }).prefault('1GiB').describe('Maximum size on disk.'),
  when_full: oneOf('block', 'drop-oldest')
    .prefault('block')
    .describe(
      'When the buffer is full: `block` makes the sources wait, `drop-oldest` drops and counts the oldest messages.',
    ),
  durability: oneOf('fsync', 'os')
    .prefault('fsync')
    .describe(
      'When a message counts as stored: `fsync`, once it is on disk; `os`, once the system has it, so that a power cut loses up to 30 s.',
    ),
  keep_free: byteSize()
    .prefault('16MiB')
    .describe('The buffer counts as full while the file system has less free space than this.'),
}).transform(({ max, when_full, durability, keep_free }): SpoolOptions => {
  return { bytesMax: max, whenFull: when_full, durability, freeBytesMin: keep_free }
})

const none = textOption({ kind: 'none', like: 'or a group of options such as { max: 1GiB }' }, (value): 'none' => {
  if (value === 'none') return value
  const suggestion = /^\d/.test(value) ? { suggestion: `{ max: ${value} }` } : {}
  throw new OptionFault({
    sentence: `${JSON.stringify(value)} is no buffer; write its options, or none`,
    ...suggestion,
  })
})

/** Parses `buffer:` to the settings of a spool or `none`; undefined if the option is not given. */
export function bufferOption(): ZodType<SpoolOptions | 'none' | undefined> {
  return either([none, bufferOptions])
    .optional()
    .describe(
      'A disk buffer (spool) in front of the destination. In a relay every `forward` has one unless this is `none`.',
    )
}

/** The settings of a spool that exists although no `buffer:` is written. */
export const usualBuffer: SpoolOptions = bufferOptions.parse({})
