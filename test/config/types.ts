// Small types of sources and destinations, so that tests of the configuration do not depend on real components.

import type { DestinationType, SourceType } from '../../common/component.ts'
import { count, flag, list, oneOf, options, text, type ZodType } from '../../common/option.ts'
import {
  byteSize,
  duration,
  endpointUrl,
  facility,
  fileMode,
  network,
  severity,
  zone,
} from '../../common/option-values.ts'
import type { KnownTypes } from '../../config/types.ts'

const create = () => {
  throw new Error('a test starts nothing')
}

const source = (type: string, declared: ZodType): SourceType<unknown> => ({
  type,
  about: '',
  options: declared,
  create,
})
const destination = (type: string, declared: ZodType): DestinationType<unknown> => source(type, declared) as never

export const testTypes: KnownTypes = {
  sources: [
    source(
      'file',
      options({
        paths: list(text('a pattern')).describe('Patterns of files to follow.'),
        exclude: list(text('a pattern'), 0).prefault([]).describe('Patterns of files to leave out.'),
        program: text().optional().describe('Program of lines without one.'),
        facility: facility().prefault('user').describe('Facility of lines without one.'),
        severity: severity().prefault('notice').describe('Severity of lines without one.'),
        read_from: oneOf('start', 'end').prefault('start').describe('Where a new file is begun.'),
      }),
    ),
    source(
      'syslog',
      options({
        listen: list(endpointUrl(['udp', 'tcp'], 'listen')).describe('Addresses to listen on.'),
        zone: zone().prefault('local').describe('Zone of times without one.'),
        keep_host: flag().prefault(true).describe('Whether the host in a message counts.'),
        max_connections: count(1, 100_000).prefault(10_000).describe('Connections at the same time.'),
        allow: list(network()).optional().describe('Networks that may send.'),
      }),
    ),
    source('stdin', options({})),
  ],
  destinations: [
    destination(
      'forward',
      options({
        to: list(endpointUrl(['udp', 'tcp'], 'connect')).describe('Receivers.'),
        format: oneOf('received', 'rfc3164', 'rfc5424').prefault('received').describe('How messages are written.'),
        framing: oneOf('octet', 'newline').prefault('octet').describe('How messages are told apart.'),
      }),
    ),
    destination(
      'file',
      options({
        path: text('a path').describe('A template of the file.'),
        line: text().prefault('iso').describe('A template of the line.'),
        mode: fileMode().prefault('0640').describe('Permission bits.'),
        rotate: options({
          daily: flag().prefault(false).describe('A new file each day.'),
          size: byteSize({ min: '64KiB' }).optional().describe('A new file beyond this.'),
          keep: duration({ min: '1h' }).optional().describe('How long old files are kept.'),
          compress: oneOf('gzip', 'zstd').optional().describe('How old files are compressed.'),
        })
          .optional()
          .describe('When a new file is begun.'),
      }),
    ),
    destination(
      'archive',
      options({
        keep: duration({ min: '1h' }).optional().describe('How long messages are kept.'),
        max_size: byteSize({ min: '64MiB' }).optional().describe('Bytes on disk.'),
      }),
    ),
    destination('stdout', options({})),
  ],
}
