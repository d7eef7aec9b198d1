// `sluice spool`: shows the content of a disk buffer, also while its daemon runs. It only reads.

import { errnoOf, reasonOf } from '../../common/fault.ts'
import type { SpoolFormat } from '../spool-report.ts'
import { named, onePath } from './arguments.ts'
import { Argument, Command, Option } from './command-line.ts'

const actions = ['ls', 'cat', 'check'] as const
type Action = (typeof actions)[number]
const formats: readonly SpoolFormat[] = ['short', 'json', 'raw']

const examples = `
DIR is <data>/spool/<name of the destination>; with -c the name is enough.

  ls      list its segments, what is waiting in it, and how far the receiver
          has acknowledged
  cat     print the waiting messages, oldest first; with --all also acknowledged
          ones that are not removed yet
  check   read every record, and look for missing segments; a write in progress
          is not reported as damage

Exit status: 0, or 1 if something is damaged, or 2 if there is no spool or it
cannot be read.

Examples:
  sluice spool ls ./sluice-data/spool/central
  sluice spool cat -O raw ./sluice-data/spool/central | less
  sluice spool check /var/lib/sluice/spool/central && echo whole
`

interface Flags {
  readonly output: SpoolFormat
  readonly all?: boolean
  readonly marks?: boolean
  readonly config?: string
}

const EXIT_CANNOT = 2

/** The command. */
export function spoolCommand(): Command {
  return new Command('spool')
    .description('Inspects a disk buffer, also while its daemon is running; changes nothing.')
    .addArgument(new Argument('<action>', 'what to do').choices(actions))
    .argument('<dir>', 'folder of the spool', named)
    .addOption(new Option('-O, --output <format>', 'how cat prints a message').choices(formats).default('short'))
    .option('--all', 'cat: also messages that the receiver has acknowledged')
    .option('--marks', 'ls: also every incoming stream and how far it is stored')
    .option('-c, --config <file>', 'configuration file; DIR may then be the name of a destination', onePath('-c'))
    .addHelpText('after', examples)
    .action(async (action: Action, dir: string, { output, all = false, marks = false, config }: Flags) => {
      const folder = config === undefined ? dir : await spoolFolder(config, dir)
      if (folder === undefined) {
        process.exitCode = EXIT_CANNOT
        return
      }
      const report = await import('../spool-report.ts')
      try {
        if (action === 'ls') process.exitCode = await report.listSpool(folder, marks)
        else if (action === 'cat') process.exitCode = await report.printSpool(folder, output, all)
        else process.exitCode = await report.checkSpool(folder)
      } catch (error) {
        if (errnoOf(error) === undefined) throw error
        process.stderr.write(`${folder}: ${reasonOf(error)}\n`)
        process.exitCode = EXIT_CANNOT
      }
    })
}

/**
 * The folder of the spool of destination `dir`; `dir` itself if it is a path. Undefined, with a message, if there is no such destination or
 * the configuration has faults.
 */
async function spoolFolder(config: string, dir: string): Promise<string | undefined> {
  const { loadConfiguration } = await import('../load.ts')
  const { configuration, text } = await loadConfiguration(config)
  process.stderr.write(text)
  if (!configuration) return undefined
  const names = configuration.destinations.flatMap(({ name, buffer }) => (buffer === undefined ? [] : [name]))
  if (names.includes(dir)) return `${configuration.dataFolder}/spool/${dir}`
  if (dir.includes('/')) return dir
  const listed = names.length === 0 ? 'none has one' : `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`
  process.stderr.write(`${config}: there is no destination "${dir}" with a buffer; ${listed}\n`)
  return undefined
}
