// `sluice explain`: shows what a daemon would do with the lines on stdin. Nothing is started or written.

import type { Explainer, Explanation, StoredAt } from '../explanation.ts'
import type { Configuration, ConfiguredSource } from '../configuration.ts'
import { configFile, once, peerAddress } from './arguments.ts'
import { Command } from './command-line.ts'

const EXIT_CANNOT = 2

const examples = `
A file source takes a line as text; a syslog source looks for a header in it.
The default for --source is the first syslog source, or the first source if
there is none. If paths has a pattern for the names of files, the program of a
file's lines is not known here, unless the source has program.

Examples:
  echo '<34>Oct 11 22:14:15 web-1 su: failed' | sluice explain -c sluice.yaml
  tail -n 1 /var/log/app/app.log | sluice explain --source apps
  sluice explain --json < sample.log | jq .destinations
`

interface Flags {
  readonly config?: string
  readonly source?: string
  readonly from?: string
  readonly json?: boolean
}

/** The command. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Shows what would become of each line on stdin: its fields, the routes it takes, and where it ends up.',
    )
    .option(...configFile)
    .option('--source <name>', 'treat the lines as coming from this source', once('--source'))
    .option('--from <address>', 'treat the lines as sent from this address', peerAddress)
    .option('--json', 'print one JSON object per line')
    .addHelpText('after', examples)
    .action(async (flags: Flags) => {
      process.exitCode = await explain(flags)
    })
}

async function explain({ config, source: named, from, json = false }: Flags): Promise<number> {
  const { loadConfiguration } = await import('../load.ts')
  const loaded = await loadConfiguration(config)
  if (!loaded.configuration) {
    process.stderr.write(loaded.text)
    return EXIT_CANNOT
  }
  const { configuration } = loaded
  const { Explainer, likelySource } = await import('../explanation.ts')
  const source = named === undefined ? likelySource(configuration) : sourceNamed(configuration, named)
  if (!source) {
    const names = configuration.sources.map(({ name }) => name).join(', ')
    process.stderr.write(`there is no source "${named}"; the configuration has ${names}\n`)
    return EXIT_CANNOT
  }
  if (from !== undefined && !source.type.allows) {
    process.stderr.write(
      `--from: "${source.name}" is a ${source.type.type} source, which has no other senders than this machine\n`,
    )
    return EXIT_CANNOT
  }
  const { localHostName } = await import('../host-name.ts')
  await answer(new Explainer(configuration, source, localHostName(), from), configuration, json)
  return 0
}

function sourceNamed({ sources }: Configuration, wanted: string): ConfiguredSource | undefined {
  return sources.find(({ name }) => name === wanted)
}

async function answer(explainer: Explainer, configuration: Configuration, json: boolean): Promise<void> {
  const { systemClock } = await import('../../common/clock.ts')
  const { sourceLines } = await import('../source-lines.ts')
  const { readIn, writeOut } = await import('./standard-streams.ts')
  const { describeRoute } = await import('./check.ts')
  const routes = configuration.routes.map(describeRoute)
  for await (const { bytes, mark } of sourceLines(readIn(), explainer.origin, configuration.messageBytesMax)) {
    const explanation = explainer.explain(bytes, systemClock.now(), mark)
    await writeOut(json ? `${JSON.stringify(explanation)}\n` : inWords(explanation, routes))
  }
}

/** The explanation as text of several lines, followed by an empty line. */
export function inWords(explanation: Explanation, routeWords: readonly string[]): string {
  const { message, source, refused = false, routes, destinations } = explanation
  const { sd, defects, raw: _, ...fields } = message
  const rows: [string, string][] = Object.entries(fields).map(([name, value]) => [name, visible(value)])
  for (const [id, params] of Object.entries(sd ?? {})) {
    for (const [name, values] of Object.entries(params)) {
      for (const value of [values].flat()) rows.push([`sd.${id}.${name}`, visible(value)])
    }
  }
  for (const defect of defects) rows.push(['defect', defect])
  rows.push(['source', source])
  for (const number of routes) rows.push([`route ${number}`, routeWords[number - 1]])
  for (const landing of destinations) rows.push(['lands in', storedAtText(landing)])
  const why = refused ? `allow of "${source}" does not list the sender` : 'no route selects it'
  if (destinations.length === 0) rows.push(['lands in', `nothing: ${why}`])
  const width = Math.max(...rows.map(([name]) => name.length))
  return `${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')}\n`
}

const storedAtText = ({ name, type, path }: StoredAt) => `${name} (${type})${path === undefined ? '' : ` ${path}`}`

// A message must not move the cursor of the terminal that it is shown on.
function visible(value: string): string {
  return value.replaceAll(/\p{Cc}/gu, (character) => `#${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
