// Structured data as an object (RFC 5424 §6.3), for output only: filters read it where it lies.

/** SD-ID → PARAM-NAME → PARAM-VALUE, unescaped. Of a name that comes twice in one element, the last value. */
export type StructuredData = Record<string, Record<string, string>>

/** Reads what the header parser has found to be structured data. */
export function parseStructuredData(text: string): StructuredData {
  const elements: [string, Record<string, string>][] = []
  for (const [, id, rest] of text.matchAll(/\[([^ =\]"]+)((?: *[^ =\]"]+="(?:\\[\s\S]|[^"\\])*")*) *\]/g)) {
    const params: [string, string][] = []
    for (const [, name, value] of rest.matchAll(/([^ =\]"]+)="((?:\\[\s\S]|[^"\\])*)"/g)) {
      params.push([name, value.replaceAll(/\\(["\\\]])/g, '$1')])
    }
    elements.push([id, Object.fromEntries(params)])
  }
  return Object.fromEntries(elements)
}
