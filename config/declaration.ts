// Declares the top-level keys of a configuration, and the keys of a route. The options of sources and destinations are declared
// with their code.

import { resolve } from 'node:path'
import { parseExpression } from '../common/expression/parse.ts'
import { parseMask } from '../common/expression/mask.ts'
import type { ByteRegex } from '../common/expression/regex/byte-regex.ts'
import type { Expression } from '../common/expression/ast.ts'
import { DRAIN_MS, MESSAGE_BYTES_MAX } from '../common/limits.ts'
import { byName, elsewhere, flag, list, oneOf, options, text, textOption, type ZodType } from '../common/option.ts'
import { byteSize, duration, socketPath } from '../common/option-values.ts'
import { bufferOption } from '../common/spool/buffer-option.ts'
import { modes } from './configuration.ts'

export const topDeclaration = options({
  mode: oneOf(...modes)
    .optional()
    .describe('Which defaults apply; if absent, those of the mode that was started, else `server`.'),
  data: socketPath('a folder', undefined, (folder) => resolve(folder, 'control.sock'))
    .optional()
    .describe(
      'Folder for checkpoints, buffers, archives and the lock; by default `/var/lib/sluice` as root, else `./sluice-data`.',
    ),
  max_message: byteSize({ min: '480B', max: '16MiB' })
    .prefault(`${MESSAGE_BYTES_MAX / 2 ** 20}MiB`)
    .describe('Longer messages are split into chunks, each marked as such.'),
  drain: duration({ max: '1h' })
    .prefault(`${DRAIN_MS / 1000}s`)
    .describe('How long a stop waits for messages that are still on their way.'),
  sources: elsewhere().describe('Where messages come from: a name, and the options of its `type`.'),
  filters: elsewhere().optional().describe('Expressions by name, for `filter:NAME`.'),
  destinations: elsewhere().describe('Where messages go: a name, and the options of its `type`.'),
  routes: elsewhere()
    .meta({ kind: 'a list; each a route' })
    .optional()
    .describe('Which messages go where, in order; without any, everything goes to every destination.'),
})

/** An expression and the text that it was parsed from. */
export interface WrittenExpression {
  readonly text: string
  readonly expression: Expression
}

/** Parses a filter expression, without resolving its references. */
export function expressionOption(): ZodType<WrittenExpression, string> {
  const kind = { kind: 'an expression', like: 'such as severity:>=err', code: 'CONFIG_EXPRESSION' } as const
  return textOption(kind, (value) => ({ text: value, expression: parseExpression(value) }))
}

export const filtersDeclaration = byName(expressionOption())

function maskOption(): ZodType<ByteRegex, string> {
  const kind = { kind: 'a regular expression', like: 'between slashes', code: 'CONFIG_EXPRESSION' } as const
  return textOption(kind, parseMask)
}

/** The options that every destination has besides those of its type. */
export const destinationOptions = { buffer: bufferOption() }

export const routeDeclaration = options({
  from: list(text('the name of a source')).optional().describe('Sources it takes messages from; by default all.'),
  where: expressionOption().optional().describe('What it selects; by default everything.'),
  to: list(text('the name of a destination')).describe('Destinations for what it selects.'),
  final: flag().prefault(false).describe('Later routes do not see what this one has selected.'),
  mask: list(maskOption())
    .optional()
    .describe('Overwrites what matches in the selected messages with `*`, before they are stored or sent.'),
})
