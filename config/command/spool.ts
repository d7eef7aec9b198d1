// `sluice spool`: what lies in a disk buffer, also while its daemon runs. Reads only.

import { errnoOf, reasonOf } from '../../common/fault.ts'
import type { SpoolFormat } from '../spool-report.ts'
import { Argument, Command, Option } from './command-line.ts'

const actions = ['ls', 'cat', 'check'] as const
type Action = (typeof actions)[number]
const formats: readonly SpoolFormat[] = ['short', 'json', 'raw']

const examples = `
DIR is <data>/spool/<name of the destination>; with -c the name alone is enough.

  ls      its segments, what waits in it, and up to where its receiver has everything
  cat     the messages that wait, oldest first; --all: also those that only wait to be removed
  check   reads every record; a write that is under way is no damage

Exit status: 0, or 1 where something is damaged; 2 when there is no spool, or it cannot be read.

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
    .description('Looks into a disk buffer, also while its daemon runs; changes nothing.')
    .addArgument(new Argument('<action>', 'what to do').choices(actions))
    .argument('<dir>', "the spool's folder")
    .addOption(new Option('-O, --output <format>', 'how cat prints a message').choices(formats).default('short'))
    .option('--all', 'cat: also messages that the receiver has already')
    .option('--marks', 'ls: every incoming stream, and up to where it is stored')
    .option('-c, --config <file>', 'configuration: DIR may be the name of one of its destinations')
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

/** Where the spool of a destination lies; `dir` itself where no destination with a buffer has this name. Undefined for faults. */
async function spoolFolder(config: string, dir: string): Promise<string | undefined> {
  const { loadConfiguration } = await import('../load.ts')
  const { configuration, text } = await loadConfiguration(config)
  process.stderr.write(text)
  if (!configuration) return undefined
  const spooled = configuration.destinations.some(({ name, buffer }) => name === dir && buffer !== undefined)
  return spooled ? `${configuration.dataFolder}/spool/${dir}` : dir
}
