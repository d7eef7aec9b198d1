// Structured data as an object (RFC 5424 §6.3), for output only: filters read it where it lies.

/**
 * SD-ID → PARAM-NAME → PARAM-VALUE, unescaped. A name may come several times in one element (§6.3.3: `ip` of `origin`, §7.2.1): then all
 * its values, in order. Elements of one id, which the RFC forbids, are read as one.
 */
export type StructuredData = Record<string, Record<string, string | string[]>>

/** Reads what the header parser has found to be structured data. */
export function parseStructuredData(text: string): StructuredData {
  const elements = new Map<string, Map<string, string | string[]>>()
  for (const [, id, rest] of text.matchAll(/\[([^ =\]"]+)((?: *[^ =\]"]+="(?:\\[\s\S]|[^"\\])*")*) *\]/g)) {
    const params = elements.get(id) ?? new Map<string, string | string[]>()
    elements.set(id, params)
    for (const [, name, written] of rest.matchAll(/([^ =\]"]+)="((?:\\[\s\S]|[^"\\])*)"/g)) {
      const value = written.replaceAll(/\\(["\\\]])/g, '$1')
      const before = params.get(name)
      if (before === undefined) params.set(name, value)
      else if (typeof before === 'string') params.set(name, [before, value])
      else before.push(value)
    }
  }
  return Object.fromEntries([...elements].map(([id, params]) => [id, Object.fromEntries(params)]))
}
