// A log that remembers.

import type { Log } from '../../common/log.ts'

export interface FakeLog extends Log {
  readonly lines: { readonly level: string; readonly text: string; readonly values: Record<string, unknown> }[]
}

export function fakeLog(): FakeLog {
  const lines: FakeLog['lines'] = []
  const at =
    (level: string) =>
    (first: unknown, second: string = ''): void => {
      if (typeof first === 'string') lines.push({ level, text: first, values: {} })
      else lines.push({ level, text: second, values: first as Record<string, unknown> })
    }
  const level = (name: string) => at(name) as Log['info']
  return {
    lines,
    debug: level('debug'),
    info: level('info'),
    warn: level('warn'),
    error: level('error'),
    fatal: level('fatal'),
  }
}
