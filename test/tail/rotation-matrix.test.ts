// Every way of rotating a followed file. Each case runs with the source running all the time, stopped during the rotation, and
// killed before its positions were saved. Every line must be stored once.
//
// syslog-ng 3.38 and rsyslog 8.2302 lose or duplicate lines in most of these cases (measured).

import {
  appendFileSync,
  closeSync,
  copyFileSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, test } from 'vitest'
import { zstdCompressor } from '../../common/zstd.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const before = numbered('before', 100)
const unread = numbered('unread', 10)
const after = numbered('after', 100)
// Longer than the head by which a file is recognised.
const header = 'time;host;value'.padEnd(2000, ';')

interface Case {
  readonly name: string
  readonly pattern?: string
  /** The lines of the file before the rotation; all of them are stored by then. */
  readonly first?: readonly string[]
  /** Rotates; `at(name)` is a path. Returns the lines that must still be stored. */
  rotate(this: void, at: (name: string) => string): readonly string[]
  /** The modes of the case, if not all: some need that the source does not run during the rotation. */
  readonly only?: readonly Mode[]
}

type Mode = 'running' | 'stopped' | 'killed'

const cases: readonly Case[] = [
  {
    name: 'A: renamed, and its writer continues after the new file exists',
    rotate(at) {
      const writer = openSync(at('app.log'), 'a')
      renameSync(at('app.log'), at('app.log.1'))
      appendFileSync(at('app.log'), asLines(after))
      writeSync(writer, asLines(unread))
      closeSync(writer)
      return [...unread, ...after]
    },
  },
  {
    name: 'B: copied and truncated, shorter than before',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      truncateSync(at('app.log'))
      appendFileSync(at('app.log'), asLines(numbered('after', 3)))
      return [...unread, ...numbered('after', 3)]
    },
  },
  {
    name: 'B3: copied, truncated, and grown past its position before the next sweep',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      truncateSync(at('app.log'))
      appendFileSync(at('app.log'), asLines(numbered('after', 300)))
      return [...unread, ...numbered('after', 300)]
    },
  },
  {
    name: 'C: renamed with an unread rest',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      renameSync(at('app.log'), at('app.log.1'))
      writeFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'C2: renamed with an unread rest, and compressed by gzip',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      renameSync(at('app.log'), at('app.log.1'))
      writeFileSync(at('app.log.1.gz'), gzipSync(readFileSync(at('app.log.1'))))
      unlinkSync(at('app.log.1'))
      writeFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'C3: renamed with an unread rest, and compressed by zstd',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      const whole = readFileSync(at('app.log'))
      unlinkSync(at('app.log'))
      writeFileSync(at('app-20261123.log.zst'), zstdCompressor(3).compress(whole))
      writeFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
    // While the source runs, the open file is read to its end, and the compressed one is a copy of it.
  },
  {
    name: 'C4: renamed with an unread rest and compressed, to a name that matches the pattern',
    pattern: 'app.log*',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      writeFileSync(at('app.log.1.gz'), gzipSync(readFileSync(at('app.log'))))
      unlinkSync(at('app.log'))
      writeFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'D: rewritten without a copy, and grown past its position',
    rotate(at) {
      writeFileSync(at('app.log'), asLines(numbered('after', 300)))
      return numbered('after', 300)
    },
  },
  {
    name: 'E: a last line without its newline, then renamed',
    rotate(at) {
      appendFileSync(at('app.log'), 'no newline')
      renameSync(at('app.log'), at('app.log.1'))
      writeFileSync(at('app.log'), asLines(after))
      return ['no newline', ...after]
    },
  },
  {
    name: 'G: not rotated, only more lines',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      return unread
    },
  },
  {
    name: 'H: removed and created again',
    rotate(at) {
      unlinkSync(at('app.log'))
      writeFileSync(at('app.log'), asLines(after))
      return after
    },
  },
  {
    name: 'I: a NUL inside a line',
    rotate(at) {
      appendFileSync(at('app.log'), 'one\0two\n')
      return ['one\0two']
    },
  },
  {
    name: 'J: one line of 100 KB',
    rotate(at) {
      appendFileSync(at('app.log'), `${'x'.repeat(100_000)}\n`)
      return ['x'.repeat(100_000)]
    },
  },
  {
    name: 'K: renamed to a name that matches as well',
    pattern: '*.log',
    rotate(at) {
      renameSync(at('app.log'), at('old.log'))
      writeFileSync(at('app.log'), asLines(after))
      return after
    },
  },
  {
    name: 'K2: a chain of renames that all match',
    pattern: '*',
    first: before,
    rotate(at) {
      for (let turn = 0; turn < 3; turn += 1) {
        appendFileSync(at('app.log'), asLines(numbered(`turn ${turn}`, 10)))
        for (const [from, to] of [
          ['app.log.1', 'app.log.2'],
          ['app.log', 'app.log.1'],
        ]) {
          try {
            renameSync(at(from), at(to))
          } catch {
            // There is no file of that name yet.
          }
        }
        writeFileSync(at('app.log'), '')
      }
      appendFileSync(at('app.log'), asLines(after))
      // The third turn has overwritten app.log.2: the unread lines of the first turn are gone, unless the file was open.
      return [...numbered('turn 1', 10), ...numbered('turn 2', 10), ...after]
    },
    only: ['stopped', 'killed'],
  },
  {
    name: 'L: a symbolic link that is changed to another file',
    pattern: 'current',
    rotate(at) {
      writeFileSync(at('second'), asLines(after))
      symlinkSync('second', at('current.new'))
      renameSync(at('current.new'), at('current'))
      return after
    },
  },
  {
    name: 'N: rotated several times',
    rotate(at) {
      const lines: string[] = []
      for (let turn = 0; turn < 4; turn += 1) {
        const text = numbered(`turn ${turn}`, 20)
        appendFileSync(at('app.log'), asLines(text))
        for (let n = turn; n >= 1; n -= 1) renameSync(at(`app.log.${n}`), at(`app.log.${n + 1}`))
        renameSync(at('app.log'), at('app.log.1'))
        lines.push(...text)
      }
      writeFileSync(at('app.log'), asLines(after))
      return [...lines, ...after]
    },
  },
  {
    name: 'N2: rotated twice, and the older generation was written to after the newer one',
    rotate(at) {
      renameSync(at('app.log'), at('app.log.1'))
      const between = numbered('between', 20)
      writeFileSync(at('app.log'), asLines(between))
      renameSync(at('app.log.1'), at('app.log.2'))
      renameSync(at('app.log'), at('app.log.1'))
      writeFileSync(at('app.log'), asLines(after))
      appendFileSync(at('app.log.2'), asLines(unread))
      const later = new Date(Date.now() + 500)
      utimesSync(at('app.log.2'), later, later)
      return [...between, ...unread, ...after]
    },
  },
  {
    name: 'O: the new file begins with the same lines as the old one',
    first: ['# a header', '# that every file has', ...before],
    rotate(at) {
      renameSync(at('app.log'), at('app.log.1'))
      const text = ['# a header', '# that every file has', ...after]
      writeFileSync(at('app.log'), asLines(text))
      return text
    },
  },
  {
    name: 'O2: only a header was read; then renamed, and the new file has the same header',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      renameSync(at('app.log'), at('app.log.1'))
      writeFileSync(at('app.log'), asLines([header, ...after]))
      return [...unread, header, ...after]
    },
  },
  {
    name: 'O3: only a header was read; then copied, truncated, and begun again with the same header',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      truncateSync(at('app.log'))
      appendFileSync(at('app.log'), asLines([header, ...after]))
      return [...unread, header, ...after]
    },
    // While the source runs, the lines after the header are read before the file is copied.
    only: ['stopped', 'killed'],
  },
  {
    name: 'O4: only a header was read; then copied, compressed, truncated, and begun again with the same header and little more',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      writeFileSync(at('app.log.1.gz'), gzipSync(readFileSync(at('app.log'))))
      truncateSync(at('app.log'))
      appendFileSync(at('app.log'), asLines([header, 'x']))
      return [...unread, header, 'x']
    },
    only: ['stopped', 'killed'],
  },
  {
    name: 'O5: empty at first; then written to, copied and truncated',
    first: [],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      truncateSync(at('app.log'))
      appendFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
    only: ['stopped', 'killed'],
  },
  {
    name: 'O6: copied, and not truncated',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      appendFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'O7: renamed twice, with a generation between that nobody saw, all with the same long header',
    first: [header, ...before],
    rotate(at) {
      renameSync(at('app.log'), at('app.log.2'))
      writeFileSync(at('app.log.1'), asLines([header, ...unread]))
      writeFileSync(at('app.log'), asLines([header, ...after]))
      return [header, ...unread, header, ...after]
    },
  },
  {
    name: 'P: rewritten under the same name with the same content and more, as by an editor',
    rotate(at) {
      const whole = readFileSync(at('app.log'))
      writeFileSync(at('app.new'), Buffer.concat([whole, Buffer.from(asLines(unread))]))
      renameSync(at('app.new'), at('app.log'))
      return unread
    },
  },
  {
    name: 'Q: a hard link, a second name for the same file',
    pattern: '*.log',
    rotate(at) {
      linkSync(at('app.log'), at('also.log'))
      appendFileSync(at('app.log'), asLines(unread))
      return unread
    },
  },
  {
    name: 'R: a line that is not UTF-8',
    rotate(at) {
      appendFileSync(at('app.log'), Buffer.from([0xff, 0xc3, 0x28, 0x80, 0x0a]))
      return ['\xff\xc3(\x80']
    },
  },
  {
    name: 'S: zero bytes left by a crash, and lines after them',
    rotate(at) {
      appendFileSync(at('app.log'), Buffer.concat([Buffer.alloc(4096), Buffer.from(asLines(unread))]))
      return [`${'\0'.repeat(4096)}${unread[0]}`, ...unread.slice(1)]
    },
  },
  {
    name: 'T: a line that is written in two halves',
    rotate(at) {
      appendFileSync(at('app.log'), 'first half, ')
      appendFileSync(at('app.log'), 'second half\n')
      return ['first half, second half']
    },
  },
  {
    name: 'U: removed after all of it was read',
    rotate(at) {
      rmSync(at('app.log'))
      return []
    },
  },
]

function link(tailing: Tailing, pattern: string): void {
  if (pattern === 'current') symlinkSync('app.log', tailing.path('current'))
}

const modes: readonly Mode[] = ['running', 'stopped', 'killed']

describe.concurrent.each(modes)('%s', (mode) => {
  for (const { name, pattern = 'app.log', first = before, rotate, only = modes } of cases) {
    if (!only.includes(mode)) continue
    test(name, async (context) => {
      const { expect } = context
      const tailing = new Tailing(context, pattern)
      writeFileSync(tailing.path('app.log'), asLines(first))
      link(tailing, pattern)
      await tailing.start()
      await tailing.expectStored(first)
      await expect.poll(() => tailing.follows()).toBe(1)
      if (mode === 'stopped') await tailing.stop()
      if (mode === 'killed') await tailing.kill()
      const expected = rotate((file) => tailing.path(file))
      if (mode !== 'running') await tailing.start()
      await tailing.expectStored([...first, ...expected])
      // Nothing is stored twice, even after another start.
      await tailing.stop()
      await tailing.start()
      appendFileSync(tailing.path('app.log'), 'the end\n')
      const end = pattern === 'current' && name.startsWith('L') ? [] : ['the end']
      await tailing.expectStored([...first, ...expected, ...end])
    })
  }
})
