// What of a terminal is made use of.

/**
 * What can be had where the output goes to. A dumb terminal (an editor's) has neither colours, as grep takes it, nor a pager, as
 * journalctl does: less would wait there for a key.
 */
export function terminalOf(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): { capable: boolean; colorful: boolean } {
  const capable = isTerminal && env['TERM'] !== 'dumb'
  return { capable, colorful: capable && !env['NO_COLOR'] }
}
