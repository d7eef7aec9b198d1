// Which abilities of a terminal are used.

/**
 * What the output supports. A dumb terminal (that of an editor) gets neither colours, as with grep, nor a pager, as with journalctl:
 * `less` would wait for a key there.
 */
export function terminalOf(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): { capable: boolean; colorful: boolean } {
  const capable = isTerminal && env['TERM'] !== 'dumb'
  return { capable, colorful: capable && !env['NO_COLOR'] }
}
