// The options of the `file` destination, and its registration for the configuration.

import { resolve } from 'node:path'
import type { DestinationType } from '../../common/component.ts'
import { OPEN_FILES_MAX } from '../../common/limits.ts'
import { about, count, either, flag, oneOf, options, textOption, type OptionsOf } from '../../common/option.ts'
import { account, byteSize, duration, fileCount, fileMode, refuseTilde } from '../../common/option-values.ts'
import { lineOption } from '../line-option.ts'
import { examineAccounts } from './account.ts'
import { frameCompressor } from './compress-frame.ts'
import { isDated } from './dated-path.ts'
import { FileDestination } from './file-destination.ts'
import { namesOf } from './path-ownership.ts'
import { compilePath, standInPath } from './path-template.ts'
import type { RotateOptions } from './rotation.ts'

const pathOption = textOption(
  { kind: 'a path', like: 'such as /var/log/remote/{host}/{program}.log', code: 'CONFIG_TEMPLATE' },
  (text) => {
    refuseTilde(text)
    return compilePath(text).text
  },
)

const rotateOptions = options({
  daily: flag().prefault(false).describe('Starts a new file at local midnight, by time of receipt.'),
  size: byteSize({ min: '1KiB' }).optional().describe('Starts a new file once the current one has reached this size.'),
  keep: either([
    duration({ min: '1d' }, 'such as 30d, or a number of files such as 5 files').transform((ms) => ({ ms })),
    fileCount(1_000_000).transform((count) => ({ count })),
  ])
    .optional()
    .describe(
      'For how long rotated files are kept, such as `30d`, or how many of each name, such as `5 files`; by default all.',
    ),
  compress: oneOf('none', 'gzip', 'zstd').prefault('none').describe('How rotated files are compressed.'),
}).superRefine(
  ({ daily, size }, context) => {
    if (daily || size !== undefined) return
    context.addIssue({ code: 'custom', message: 'without "daily" or "size" nothing is ever rotated' })
  },
  about('daily', 'size'),
)

export const fileOptions = options({
  path: pathOption.describe(
    'The file, or a template over message fields; senders cannot leave the folder before the first field.',
  ),
  line: lineOption().prefault('iso').describe('The format of a line, by name or as a template.'),
  mode: fileMode().prefault('0640').describe('Permission bits of files that are created.'),
  dir_mode: fileMode().prefault('0750').describe('Permission bits of folders that are created.'),
  owner: account('user').optional().describe('Owner of files and folders that are created.'),
  group: account('group').optional().describe('Group of files and folders that are created.'),
  rotate: rotateOptions.optional().describe('Rotation by sluice itself, instead of logrotate.'),
  max_files: count(1, 1_000_000)
    .prefault(OPEN_FILES_MAX)
    .describe('How many files are held open; beyond it the one that was idle for the longest time is closed.'),
})

export type FileOptions = OptionsOf<typeof fileOptions>

export const fileType: DestinationType<FileOptions> = {
  type: 'file',
  about: 'Writes lines to one file, or to one per host, program, day or any other field.',
  options: fileOptions,
  claims: ({ path }) =>
    path === undefined ? [] : [{ path: ['path'], key: resolve(path), meaning: namesOf(compilePath(path)) }],
  examine: (given, disk) => examineAccounts(given, disk),
  notes: ({ path, rotate }) =>
    rotate?.keep && 'count' in rotate.keep && isDated(compilePath(path))
      ? [
          'rotate.keep: a number of files is counted for each name, and here each day has names of its own; give a duration',
        ]
      : [],
  writes: ({ path }) => resolve(standInPath(compilePath(path))),
  create(given, { name, platform, dataFolder, localZone }) {
    const { path, line, mode, dir_mode, owner, group, rotate, max_files } = given
    const access = { mode, folderMode: dir_mode, owner, group }
    const shape = {
      path,
      line,
      access,
      filesMax: max_files,
      rotate: rotate && rotation(rotate),
      compressFrame: frameCompressor(rotate?.compress),
    }
    return new FileDestination(name, shape, { platform, zone: localZone, dataFolder })
  },
}

function rotation({ daily, size, keep, compress }: NonNullable<FileOptions['rotate']>): RotateOptions {
  return { daily, compress, ...(size !== undefined && { bytes: size }), ...(keep !== undefined && { keep }) }
}
