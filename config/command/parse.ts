// `sluice parse`: converts syslog on stdin to one JSON object per message, with the framing and parser of a daemon.

import type { FramingMode } from '../../common/framing/stream-splitter.ts'
import { MESSAGE_BYTES_MAX } from '../../common/limits.ts'
import { peerAddress } from './arguments.ts'
import { Command, InvalidArgumentError } from './command-line.ts'

const framings: readonly FramingMode[] = ['auto', 'newline', 'octet']

const examples = `
With --framing auto, octet counts, LF, CR LF and NUL may be mixed. HANDBOOK.md
explains the codes in "defects".

Examples:
  sluice parse < sample.log
  nc -l 5514 | sluice parse --from 192.0.2.7 | jq -r .message
  sluice parse < sample.log | jq -r '.defects[]' | sort | uniq -c
`

interface Flags {
  readonly framing: FramingMode
  readonly from?: string
  readonly config?: string
}

const EXIT_CANNOT = 2

/** The command. */
export function parseCommand(): Command {
  return new Command('parse')
    .description('Reads syslog from stdin and prints each message as a JSON object on its own line.')
    .option('--framing <how>', `how messages are delimited: ${framings.join(', ')}`, framingNamed, 'auto')
    .option('--from <address>', 'address of the sender; used where a message names no host', peerAddress)
    .option('-c, --config <file>', 'configuration file to take max_message from (default: 1MiB)')
    .addHelpText('after', examples)
    .action(async ({ framing, from, config }: Flags) => {
      const messageBytesMax = await messageBytesMaxOf(config)
      if (messageBytesMax === undefined) {
        process.exitCode = EXIT_CANNOT
        return
      }
      const { MessagePrinter } = await import('../message-printer.ts')
      const { readIn, writeOut } = await import('./standard-streams.ts')
      const printer = new MessagePrinter(framing, from, messageBytesMax)
      for await (const chunk of readIn()) await writeOut(printer.feed(chunk))
      await writeOut(printer.end())
    })
}

/** `max_message` of the configuration; undefined if it has faults, which have then been printed on standard error. */
async function messageBytesMaxOf(config: string | undefined): Promise<number | undefined> {
  if (config === undefined) return MESSAGE_BYTES_MAX
  const { loadConfiguration } = await import('../load.ts')
  const { configuration, text } = await loadConfiguration(config)
  process.stderr.write(text)
  return configuration?.messageBytesMax
}

function framingNamed(text: string): FramingMode {
  const framing = framings.find((known) => known === text)
  if (framing === undefined) throw new InvalidArgumentError(`It must be one of ${framings.join(', ')}.`)
  return framing
}
