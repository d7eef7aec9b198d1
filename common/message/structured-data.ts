// Parses structured data into an object (RFC 5424 §6.3). For output only: filters evaluate it in place.

/**
 * SD-ID → PARAM-NAME → PARAM-VALUE, unescaped. A name may occur several times in one element (§6.3.3: `ip` of
 * `origin`, §7.2.1); then it has an array of all its values, in order. Elements with the same id, which the RFC
 * forbids, are merged.
 */
export type StructuredData = Record<string, Record<string, string | string[]>>

/**
 * Parses text that the header parser has accepted as structured data. It does not use a regular expression, which
 * would overflow the stack on 16 MiB.
 */
export function parseStructuredData(text: string): StructuredData {
  const elements = new Map<string, Map<string, string | string[]>>()
  let at = 0
  while (at < text.length) {
    const start = at + 1
    at = start
    while (at < text.length && text[at] !== ' ' && text[at] !== ']') at += 1
    const id = text.slice(start, at)
    const params = elements.get(id) ?? new Map<string, string | string[]>()
    elements.set(id, params)
    at = readParams(text, at, params)
  }
  return Object.fromEntries([...elements].map(([id, params]) => [id, Object.fromEntries(params)]))
}

/** Reads the parameters of an element; returns the position after its `]`. */
function readParams(text: string, at: number, params: Map<string, string | string[]>): number {
  for (;;) {
    while (text[at] === ' ') at += 1
    if (at >= text.length || text[at] === ']') return at + 1
    const equals = text.indexOf('=', at)
    if (equals < 0) return text.length
    const name = text.slice(at, equals)
    at = equals + 2
    const start = at
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    const value = text.slice(start, at).replaceAll(/\\(["\\\]])/g, '$1')
    at += 1
    const before = params.get(name)
    if (before === undefined) params.set(name, value)
    else if (typeof before === 'string') params.set(name, [before, value])
    else before.push(value)
  }
}
