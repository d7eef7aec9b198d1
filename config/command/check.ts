// `sluice check`: reports all faults of a configuration before it is used.

import type { Loaded } from '../load.ts'
import type { Configuration, ConfiguredRoute } from '../configuration.ts'
import { loopsOf } from '../loops.ts'
import { configFile } from './arguments.ts'
import { Command } from './command-line.ts'
import { writeOut } from './standard-streams.ts'

const EXIT_OK = 0
const EXIT_FAULTS = 1
const EXIT_UNREADABLE = 2

const examples = `
Exit status: 0 without a fault, 1 with any, 2 if the file cannot be read.

Examples:
  sluice check                        the configuration that a daemon would use
  sluice check -c relay.yaml          this file
  sluice check -c new.yaml && mv new.yaml /etc/sluice/sluice.yaml
`

/** The command. */
export function checkCommand(): Command {
  return new Command('check')
    .description('Reports every fault of a configuration at once, each with its position, without starting anything.')
    .option(...configFile)
    .showHelpAfterError('(a configuration file is named by -c FILE)')
    .addHelpText('after', examples)
    .action(async ({ config }: { config?: string }) => {
      const { loadToRun } = await import('../load.ts')
      process.exitCode = await report(await loadToRun(config))
    })
}

async function report(loaded: Loaded): Promise<number> {
  if (loaded.configuration) {
    await writeOut(summaryOf(loaded.configuration))
    return EXIT_OK
  }
  process.stderr.write(loaded.text)
  if (loaded.unreadable) return EXIT_UNREADABLE
  const count = loaded.faults.length
  process.stderr.write(`${count} ${count === 1 ? 'fault' : 'faults'}\n`)
  return EXIT_FAULTS
}

/** Lists what would run, one component per line, and notes what is probably not meant. */
export function summaryOf(configuration: Configuration): string {
  const { path, mode, dataFolder, sources, destinations, routes } = configuration
  const lines = [
    `${path ?? `the built-in ${mode} configuration`}: no fault. This would run:`,
    `  mode         ${mode}`,
    `  data         ${dataFolder}`,
    ...sources.map(({ name, type }) => `  source       ${name} (${type.type})`),
    ...destinations.map(
      ({ name, type, buffer }) => `  destination  ${name} (${type.type}${buffer ? ', spooled' : ''})`,
    ),
    ...routes.map((route, index) => `  route ${String(index + 1).padEnd(7)}${describeRoute(route)}`),
  ]
  const heard = (name: string) => routes.some(({ from }) => from === undefined || from.includes(name))
  const reached = (name: string) => routes.some(({ to }) => to.includes(name))
  for (const { name } of sources) if (!heard(name)) lines.push(`  note         no route takes from ${name}`)
  for (const { name } of destinations) if (!reached(name)) lines.push(`  note         no route leads to ${name}`)
  for (const { name, type, options } of destinations) {
    for (const sentence of type.notes?.(options) ?? []) lines.push(`  note         ${name}: ${sentence}`)
  }
  for (const { source, destination, path } of loopsOf(configuration)) {
    lines.push(
      `  note         ${source} reads what ${destination} writes (such as ${path}): its lines would come again without end`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** `network, apps where severity:>=err → archive, files (final)` */
export function describeRoute({ from, whereText, to, final, mask }: ConfiguredRoute): string {
  const taken = from === undefined ? 'everything' : from.join(', ')
  const condition = whereText?.replaceAll(/\s+/g, ' ').trim() ?? ''
  const where = condition === '' ? '' : ` where ${condition}`
  const masked = mask.length === 0 ? '' : ' masked'
  return `${taken}${where} → ${to.join(', ')}${masked}${final ? ' (final)' : ''}`
}
