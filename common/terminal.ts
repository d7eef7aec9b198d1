// Which capabilities of a terminal are used.

/**
 * What the output supports. A dumb terminal (as in an editor) gets no colours, as with grep, and no pager, as with
 * journalctl: `less` would wait for a key there.
 */
export function terminalOf(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): { capable: boolean; colorful: boolean } {
  const capable = isTerminal && env['TERM'] !== 'dumb'
  return { capable, colorful: capable && !env['NO_COLOR'] }
}
