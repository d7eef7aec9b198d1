// The options of the `archive` destination.

import type { DestinationType } from '../../common/component.ts'
import { byteSize, duration } from '../../common/option-values.ts'
import { options, type OptionsOf } from '../../common/option.ts'
import { ArchiveDestination } from './archive-destination.ts'

const archiveOptions = options({
  keep: duration({ min: '1d' }).optional().describe('Days of receipt older than this are removed; by default none.'),
  max_size: byteSize({ min: '16MiB' })
    .optional()
    .describe(
      'While the archive is larger than this, its oldest files are removed; by default it has no limit. ' +
        'A day may have several files, each of them at most a quarter of this size, or 16 MiB.',
    ),
})

export type ArchiveOptions = OptionsOf<typeof archiveOptions>

export const archiveType: DestinationType<ArchiveOptions> = {
  type: 'archive',
  about: 'The embedded database: one file per day, compressed columns, searched with sluice grep.',
  options: archiveOptions,
  create: ({ keep, max_size: bytesMax }, context) => new ArchiveDestination({ keepMs: keep, bytesMax }, context),
}
