// Which capabilities of a terminal are used, and whether it is still there.

import { isatty } from 'node:tty'

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

/** Tells whether a terminal that the process has now has hung up by then. */
export function watchTerminals(): () => boolean {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor))
  return () => terminals.some((descriptor) => !isatty(descriptor))
}
