// Searches blocks in memory, and the same lines with GNU grep.

import { spawnSync } from 'node:child_process'
import { Grep, type GrepOptions } from '../../collector/search/grep.ts'
import type { WriterOptions } from '../../collector/search/entry-writer.ts'
import type { StoredBlock } from '../../collector/search/stored-block.ts'
import { systemClock } from '../../common/clock.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { compileRegex, type RegexOptions } from '../../common/expression/regex/byte-regex.ts'
import { utc } from '../../common/message/zone.ts'
import { MemoryBlock, sortTime, type Message } from './memory-archive.ts'

export const START = Date.UTC(2026, 10, 20, 10) * 1000
export const SECOND = 1_000_000

export interface Asked extends Partial<Omit<GrepOptions, 'query' | 'print'>> {
  readonly pattern?: string | string[]
  readonly regex?: RegexOptions
  readonly invert?: boolean
  readonly where?: string
  readonly print?: 'count' | 'hosts' | 'nothing' | Partial<WriterOptions>
}

export async function grep(blocks: readonly StoredBlock[], asked: Asked = {}) {
  const pattern = asked.pattern === undefined ? undefined : compileRegex(asked.pattern, asked.regex)
  const chunks: Buffer[] = []
  const writer: WriterOptions = { format: 'cat', partsOnly: false, pattern, color: false, escape: false, zone: utc }
  const options: GrepOptions = {
    ...{ reverse: false, most: Infinity, last: Infinity, zone: utc },
    ...asked,
    query: { where: parseExpression(asked.where ?? ''), pattern, invert: asked.invert ?? false },
    print: typeof asked.print === 'string' ? asked.print : { ...writer, ...asked.print },
  }
  const target = {
    write: (bytes: Buffer) => {
      chunks.push(Buffer.from(bytes))
      return Promise.resolve(true)
    },
  }
  const search = new Grep(options, target, systemClock)
  const found = await search.run(blocks)
  return { found, output: Buffer.concat(chunks).toString(), stats: search.stats }
}

// Generates log messages from a fixed seed, so that failures are reproducible.
export function messages(count: number, hosts = 4): Message[] {
  let seed = 42
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return (seed >> 8) % below
  }
  const texts = [
    () => `Failed password for invalid user u${random(50)} from 10.0.${random(9)}.${random(256)} port ${random(65536)}`,
    () => `Accepted publickey for root from 10.1.${random(9)}.${random(256)}`,
    () => `pam_unix(sshd:session): session opened for user u${random(50)}(uid=${random(1000)})`,
    () => `connection from web-${random(5)} closed, ${random(100)}% done`,
    () => `Überlauf in [kworker/${random(8)}:${random(4)}]: naïve café`,
    () => `sshd[${random(9)}]: nested tag; root logged out`,
  ]
  return Array.from({ length: count }, (_, i) => ({
    time: START + i * SECOND - random(3) * SECOND,
    received: START + i * SECOND,
    host: `web-${random(hosts)}`,
    priority: random(24) * 8 + random(8),
    message: texts[random(texts.length)](),
    ...(random(5) === 0 ? {} : { program: ['sshd', 'su', 'kernel', 'cron'][random(4)] }),
    ...(random(3) === 0 ? {} : { pid: random(9) === 0 ? 'main-1' : String(random(40)) }),
  }))
}

export const ordered = (all: readonly Message[]) =>
  all
    .map((message, i) => ({ message, i }))
    .sort((a, b) => sortTime(a.message) - sortTime(b.message) || a.i - b.i)
    .map(({ message }) => message)

export function realGrep(flags: string[], lines: readonly string[]): string {
  const input = lines.map((line) => `${line}\n`).join('')
  const { stdout, status, stderr } = spawnSync('grep', ['-E', ...flags], {
    ...{ input, encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } },
  })
  if (status === 2) throw new Error(stderr)
  return stdout
}

// Blocks that each span the whole time range, like those of copies of an archive, or of a relay that was cut off for days.
export const interleaved = (all: readonly Message[], count: number) =>
  Array.from({ length: count }, (_, b) => {
    const own = all.filter((_, i) => i % count === b)
    return new MemoryBlock(own, b)
  })
