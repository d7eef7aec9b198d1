#!/usr/bin/env node
// The program. A command is loaded only when it is called, so that `sluice --help` answers at once and `sluice grep` does not
// load the modules of a daemon.

import { createRequire } from 'node:module'
import { isOutOfDescriptors, isWorkingFolderGone, reasonOf } from './common/fault.ts'
import { Command, CommanderError } from './config/command/command-line.ts'
import { endWithoutOutput } from './config/command/standard-streams.ts'

interface Entry {
  readonly about: string
  readonly load: () => Promise<Command>
}

const commands: Record<string, Entry> = {
  client: { about: 'follow the logs of this machine and forward new lines', load: () => daemon('client') },
  relay: { about: 'receive from many senders, filter, forward', load: () => daemon('relay') },
  server: { about: 'receive, filter, write files and the archive', load: () => daemon('server') },
  check: {
    about: 'report every fault of a configuration at once',
    load: async () => (await import('./config/command/check.ts')).checkCommand(),
  },
  parse: {
    about: 'turn syslog on stdin into JSON, one object per message',
    load: async () => (await import('./config/command/parse.ts')).parseCommand(),
  },
  explain: {
    about: 'show what becomes of a line: its fields, routes and files',
    load: async () => (await import('./config/command/explain.ts')).explainCommand(),
  },
  spool: {
    about: 'inspect a disk buffer: ls, cat, check',
    load: async () => (await import('./config/command/spool.ts')).spoolCommand(),
  },
  grep: {
    about: 'search the archive',
    load: async () => (await import('./config/command/grep.ts')).grepCommand(),
  },
}

// Commands planned for a later version, so that using one does not look like a typo.
const later: Record<string, string> = {
  tail: 'follow messages as they arrive',
  hosts: 'list who sends',
  status: 'show the counters of a running daemon',
  top: 'show the counters of a running daemon',
  archive: 'maintain an archive',
}

async function daemon(mode: 'client' | 'relay' | 'server'): Promise<Command> {
  isDaemon = true
  // While the program is being loaded it has not received anything yet, so a stop is no failure.
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(0))
  // SIGHUP means "reopen files" and must not end the process; logrotate may send it during the start. SIGUSR1 and SIGUSR2 have a meaning for
  // other syslog daemons. Without a listener SIGUSR1 would open Node's inspector, through which any user of the machine could run code as
  // this user, and SIGUSR2 would end the program without draining it.
  for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(name, () => {})
  return (await import('./config/command/daemon.ts')).daemonCommand(mode)
}

const EXIT_USAGE = 2
const EXIT_CANNOT = 2

async function main(): Promise<void> {
  const program = new Command('sluice')
    .description('Ships, relays, collects and searches logs, and speaks syslog with everything that does.')
    .version(version())
    .helpOption('-h, --help', 'show this help; `sluice COMMAND --help` shows that of a command, with examples')
    .addHelpText('after', examples)
  // `sluice -- check` is `sluice check`: no flag comes before the command.
  const words = process.argv.slice(process.argv[2] === '--' ? 3 : 2)
  // `sluice help grep` means `sluice grep --help`.
  const asked = words[0] === 'help' && words[1] !== undefined && !words[1].startsWith('-')
  const wanted = asked ? words[1] : words[0]
  if (wanted !== undefined && Object.hasOwn(later, wanted)) {
    process.stderr.write(`sluice ${wanted}: not in this version; a later one will ${later[wanted]}\n`)
    process.exitCode = EXIT_USAGE
    return
  }
  const entry = wanted !== undefined && Object.hasOwn(commands, wanted) ? commands[wanted] : undefined
  if (entry) program.addCommand(await entry.load())
  else for (const [name, { about }] of Object.entries(commands)) program.command(name).description(about)
  for (const command of [program, ...program.commands]) command.exitOverride()
  await program.parseAsync(asked ? [words[1], ...(entry ? ['--help'] : [])] : words, { from: 'user' })
}

const examples = `
Examples:
  sluice server                     receive on 127.0.0.1:5514, keep an archive
  sluice grep -S -1h 'Failed pass'  search the last hour, on all hosts
  sluice check -c relay.yaml        every fault, with line and column
  logger -n 127.0.0.1 -P 5514 hi    send a message to a running server
`

// The path is relative to dist/main.js, which is the installed program.
function version(): string {
  const manifest: unknown = createRequire(import.meta.url)('../package.json')
  return (manifest as { version: string }).version
}

// A daemon continues when its standard output is closed; other commands end.
let isDaemon = false
process.stdout.on('error', (error) => {
  if (!isDaemon) endWithoutOutput(error)
})
// If standard error cannot be written there is no way to report it. The exit status is still right, and a daemon goes on.
process.stderr.on('error', () => {})

try {
  await main()
} catch (error) {
  if (error instanceof CommanderError) {
    // For help and version, commander throws with exit code 0; all its other errors are mistakes on the command line.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  } else if (isWorkingFolderGone(error) || isOutOfDescriptors(error)) {
    // Where it was started, not what it is. A hundred descriptors are needed while the modules are loaded.
    process.stderr.write(`sluice: ${reasonOf(error)}\n`)
    process.exit(EXIT_CANNOT)
  } else {
    throw error
  }
}
