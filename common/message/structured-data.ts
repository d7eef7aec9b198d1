// Structured data as an object (RFC 5424 §6.3), for output only: filters read it where it lies.

/**
 * SD-ID → PARAM-NAME → PARAM-VALUE, unescaped. A name may come several times in one element (§6.3.3: `ip` of `origin`, §7.2.1): then all
 * its values, in order. Elements of one id, which the RFC forbids, are read as one.
 */
export type StructuredData = Record<string, Record<string, string | string[]>>

/** Reads what the header parser has found to be structured data. A pattern for it would need more stack than there is for 16 MiB. */
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

/** Returns what is behind the element's `]`. */
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
