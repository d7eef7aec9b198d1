// A corpus in one buffer, as it goes over the wire.

import { Corpus, type Syslog } from './corpus.ts'

export interface CorpusBuffer {
  /** Messages with newline framing. */
  readonly corpus: Buffer
  readonly messages: number
  /** Messages of severity warning or worse. */
  readonly warnings: number
}

const made = new Map<string, CorpusBuffer>()

/** The same object for the same arguments. */
export function corpusBuffer(syslog: Syslog, messages: number): CorpusBuffer {
  const key = `${syslog} ${messages}`
  let buffer = made.get(key)
  if (!buffer) {
    buffer = make(syslog, messages)
    made.set(key, buffer)
  }
  return buffer
}

function make(syslog: Syslog, messages: number): CorpusBuffer {
  const source = new Corpus(syslog)
  const parts: Buffer[] = []
  let warnings = 0
  for (let i = 0; i < messages; i += 1) {
    const message = source.next()
    if ((Number(message.slice(1, message.indexOf('>'))) & 7) <= 4) warnings += 1
    parts.push(Buffer.from(`${message}\n`))
  }
  return { corpus: Buffer.concat(parts), messages, warnings }
}
