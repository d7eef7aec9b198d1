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
  // There may be thousands of each, so patterns are compiled once, and tried only where a route leads.
  const readers = new Map(
    sources.flatMap(({ name, type, options }) => (type.reads ? [[name, type.reads(options)] as const] : [])),
  )
  const heard = new Map(destinations.map(({ name }) => [name, new Set<string>()]))
  for (const { from, to } of routes) {
    for (const destination of to) for (const source of from ?? readers.keys()) heard.get(destination)!.add(source)
  }
  return destinations.flatMap(({ name: destination, type, options }) => {
    const path = type.writes?.(options)
    if (path === undefined) return []
    const loops = [...heard.get(destination)!].filter((source) => readers.get(source)?.(path))
    return loops.map((source) => ({ source, destination, path }))
  })
}
