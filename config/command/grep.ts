// `sluice grep`: the command line of a search. Flags mean what they mean to grep and, where grep has none, to journalctl.

import type { GrepFlags } from '../grep-run.ts'
import { once } from './arguments.ts'
import { Command, InvalidArgumentError, Option } from './command-line.ts'

const examples = `
PATTERN is an extended regular expression as in grep -E, matched on "host program[pid]: message", whatever -O prints.
Exit status: 0 when something was found, 1 when not, 2 on an error.

Examples:
  sluice grep 'Failed password'                 everywhere, in the order of time
  sluice grep -S -1h -p err                     the last hour, err and worse
  sluice grep -S today -t sshd -H 'web-*' -c    how often, from these hosts
  sluice grep -n 20 -r oom                      the last 20, newest first
  sluice grep -C 3 -w panic                     with three messages around, of the same host and program
  sluice grep -l 10.1.2.3                       which hosts mention it
  sluice grep -W 'facility:auth -user:root from:10.0.0.0/8' -O json | jq .message
`

/** The command. */
export function grepCommand(): Command {
  return new Command('grep')
    .description('Searches the archive: grep over everything that was collected.')
    .argument('[pattern]', 'what to look for; everything where it is absent')
    .option('-e, --regexp <pattern>', 'a pattern; may be given several times, any may match', collect)
    .option('-i, --ignore-case', 'upper and lower case are the same')
    .option('-v, --invert-match', 'lines that do not match')
    .option('-w, --word-regexp', 'match whole words only')
    .option('-x, --line-regexp', 'match whole lines only')
    .option('-F, --fixed-strings', 'patterns are plain text')
    .option('-E, --extended-regexp', 'patterns are extended regular expressions (the default)')
    .option('-c, --count', 'print how many messages match')
    .option('-o, --only-matching', 'print the parts that match, each on a line')
    .option('-q, --quiet', 'print nothing; the exit status says it')
    .option('-l, --list-hosts', 'print the hosts that have a match')
    .option('-m, --max-count <n>', 'stop after so many', count)
    .option('-A, --after-context <n>', 'messages after each match, of the same host and program', count)
    .option('-B, --before-context <n>', 'messages before each match', count)
    .option('-C, --context <n>', 'messages before and after; `--context=all`: of all hosts and programs', context)
    .addOption(
      new Option('-n, --lines [n]', 'the last so many only, 10 where it says none; all: no bound')
        .preset('10')
        .argParser(lines),
    )
    .option('-r, --reverse', 'newest first')
    .option('-S, --since <time>', 'not older: `2026-11-20 10:00`, today, yesterday, -2h, "15 min ago"')
    .option('-U, --until <time>', 'not newer')
    .option('-p, --priority <severity>', 'this severity and worse, or a range: err, warning..err, 0..3', once('-p'))
    .option('--facility <facility>', 'of these facilities: auth,authpriv', collect)
    .option('-t, --identifier <program>', 'of these programs; may be a glob, may be repeated', collect)
    .option('-H, --host <host>', 'of these hosts; may be a glob, may be repeated', collect)
    .option('-W, --where <expression>', 'an expression, as in routes', collect)
    .option('-O, --output <format>', 'short, json, raw (bytes as they came) or cat (the message alone)', 'short')
    .option('--archive <folder>', 'the archive; else those of the configuration', collect)
    .option('--config <file>', 'configuration; else ./sluice.yaml, /etc/sluice/sluice.yaml, built-in')
    .addOption(new Option('--color [when]', 'auto, always or never').default('auto'))
    .addOption(new Option('--colour [when]').hideHelp())
    .option('--no-pager', 'print straight to the terminal')
    .option('--utc', 'print times in UTC; -S and -U stay in the local zone')
    .addOption(new Option('-f, --follow').hideHelp())
    .option('--stats', 'say on standard error what was read and what was skipped')
    .allowExcessArguments(true)
    .addHelpText('after', examples)
    .action(async (_pattern: string | undefined, flags: GrepFlags, command: Command) => {
      const { runGrep } = await import('../grep-run.ts')
      process.exitCode = await runGrep(command.args, flags, process.argv)
    })
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

function count(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('This is no number.')
  return Number(value)
}

/** As in journalctl: `-n` alone is ten, and `-n all` undoes an earlier one. */
function lines(value: string): number {
  if (value !== 'all' && !/^\d+$/.test(value)) {
    throw new InvalidArgumentError('It takes how many messages, as in journalctl; there are no line numbers.')
  }
  return value === 'all' ? Infinity : Number(value)
}

/** `-C 3` and `--context=all` may both be given. */
function context(value: string, before: GrepFlags['context']): GrepFlags['context'] {
  return value === 'all' ? { ...before, ofAll: true } : { ...before, lines: count(value) }
}
