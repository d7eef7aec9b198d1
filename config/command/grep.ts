// `sluice grep`: the command line of a search. Flags have their meaning in grep or, if grep does not have them, in journalctl.

import type { GrepFlags } from '../grep-run.ts'
import { named, once, onePath } from './arguments.ts'
import { Command, InvalidArgumentError, Option } from './command-line.ts'

const examples = `
PATTERN is an extended regular expression as in grep -E. It is matched against
"host program[pid]: message", whatever -O prints.
Exit status: 0 if something was found, 1 if not, 2 on an error.

Examples:
  sluice grep 'Failed password'                 on all hosts, in time order
  sluice grep -S -1h -p err                     the last hour, err and worse
  sluice grep -S today -t sshd -H 'web-*' -c    how many today from sshd there
  sluice grep -n 20 -r oom                      the last 20, newest first
  sluice grep -C 3 -w panic                     each with 3 before and 3 after
  sluice grep -l 10.1.2.3                       which hosts mention it
  sluice grep -W 'facility:auth -program:cron' -O json | jq .message
`

/** The command. */
export function grepCommand(): Command {
  const command = new Command('grep')
    .description('Searches the archive: grep over everything that has been collected.')
    .argument('[pattern]', 'what to look for (default: everything)')
    .option('-e, --regexp <pattern>', 'a pattern; may be repeated: a message matches if any of them does', collect)
    .option('-i, --ignore-case', 'ignore case')
    .option('-v, --invert-match', 'select messages that do not match')
    .option('-w, --word-regexp', 'match whole words only')
    .option('-x, --line-regexp', 'match whole lines only')
    .option('-F, --fixed-strings', 'patterns are fixed text')
    .option('-E, --extended-regexp', 'patterns are extended regular expressions (the default)')
    .option('-c, --count', 'print how many messages match')
    .option('-o, --only-matching', 'print only the matching parts, each on its own line')
    .option('-q, --quiet', 'print nothing; the exit status tells whether there is a match')
    .option('-l, --list-hosts', 'print the hosts that have matches')
    .option('-m, --max-count <n>', 'stop after this many matches', limit)
    .option(
      '-A, --after-context <n>',
      'also print this many messages after each match, of the same host and program',
      count,
    )
    .option('-B, --before-context <n>', 'the same before each match', count)
    .option(
      '-C, --context <n>',
      'the same before and after, for short `-3`; with `--context=all` of all hosts and programs',
      context,
    )
    .addOption(
      new Option(
        '-n, --lines [n]',
        'only the last n matches, 10 if no number is given; `+n`: the first n; `all`: no limit',
      )
        .preset('10')
        .argParser(lines),
    )
    .option('-r, --reverse', 'newest first')
    .option('-S, --since <time>', 'from this time on: `2026-11-20 10:00`, today, yesterday, -2h, "15 min ago"')
    .option('-U, --until <time>', 'up to this time')
    .option('-p, --priority <severity>', 'this severity and worse, or a range: err, warning..err, 0..3', once('-p'))
    .option('--facility <facility>', 'only these facilities, such as auth,authpriv', collect)
    .option('-t, --identifier <program>', 'only this program; may be a glob, may be repeated', collect)
    .option('-H, --host <host>', 'only this host; may be a glob, may be repeated', collect)
    .option('-W, --where <expression>', 'only what this expression selects, as in routes', collect)
    .option('-O, --output <format>', 'short, json, raw (the bytes as received) or cat (the message only)', 'short')
    .option('--archive <folder>', 'the archive; may be repeated (default: those of the configuration)', collectPaths)
    .option(
      '--config <file>',
      'configuration file (default: ./sluice.yaml, /etc/sluice/sluice.yaml, else the built-in)',
      onePath('--config'),
    )
    .addOption(new Option('--color [when]', 'auto, always or never').default('auto'))
    .addOption(new Option('--colour [when]').hideHelp())
    .option('--no-pager', 'do not use a pager')
    .option('--utc', 'print times in UTC; -S and -U are still read in the local zone')
    .addOption(new Option('-f, --follow').hideHelp())
    .option('--stats', 'report on standard error what was read and what was skipped')
    .allowExcessArguments(true)
    .addHelpText('after', examples)
    .action(async (_pattern: string | undefined, flags: GrepFlags, command: Command) => {
      const { runGrep } = await import('../grep-run.ts')
      process.exitCode = await runGrep(command.args, flags, process.argv)
    })
  return withNumbers(command)
}

/** `-NUM` is `-C NUM`, as in grep: each digit is an option. */
function withNumbers(command: Command): Command {
  let digits = ''
  for (const digit of '0123456789') {
    command.addOption(new Option(`-${digit}`).hideHelp()).on(`option:${digit}`, () => {
      digits += digit
      command.setOptionValue('context', context(digits, command.getOptionValue('context') as GrepFlags['context']))
    })
  }
  return command
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

function collectPaths(value: string, before: string[] | undefined): string[] {
  return collect(named(value), before)
}

/** As in grep, a negative number is no limit. */
function limit(value: string): number {
  return /^-\d+$/.test(value) ? Infinity : count(value)
}

function count(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It must be a number.')
  return Number(value)
}

/** As in journalctl: `-n` without a number means ten, `-n +5` the oldest five, and `-n all` cancels an earlier one. */
function lines(value: string): GrepFlags['lines'] {
  if (value !== 'all' && !/^\+?\d+$/.test(value)) {
    throw new InvalidArgumentError('It takes a number of messages, as in journalctl; there are no line numbers.')
  }
  return { count: value === 'all' ? Infinity : Number(value), oldest: value.startsWith('+') }
}

/** `-C 3` and `--context=all` may both be given. */
function context(value: string, before: GrepFlags['context']): GrepFlags['context'] {
  return value === 'all' ? { ...before, ofAll: true } : { ...before, lines: count(value) }
}
