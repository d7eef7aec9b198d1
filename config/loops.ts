// Finds sources that read what a destination writes, and that a route connects with it: every line would be written again without end.

import type { Configuration } from './configuration.ts'

export interface Loop {
  readonly source: string
  readonly destination: string
  /** A file that the destination writes and the source reads. */
  readonly path: string
}

/** Whether the `where:` of a route ends a loop is not examined. */
export function loopsOf({ sources, destinations, routes }: Configuration): Loop[] {
  const isRouted = (source: string, destination: string) =>
    routes.some(({ from, to }) => (from === undefined || from.includes(source)) && to.includes(destination))
  return destinations.flatMap(({ name: destination, type, options }) => {
    const path = type.writes?.(options)
    if (path === undefined) return []
    const readers = sources.filter(
      ({ name, type, options }) => type.reads?.(options, path) && isRouted(name, destination),
    )
    return readers.map(({ name: source }) => ({ source, destination, path }))
  })
}
