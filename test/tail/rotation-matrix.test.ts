// What rotation does to files that are followed: each case with the source running all the time, stopped meanwhile, and killed
// before its positions were saved. Every line is stored once.
//
// syslog-ng and rsyslog lose or double lines in most of these (measured on 3.38 and 8.2302).

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
// Longer than what a file is known by.
const header = 'time;host;value'.padEnd(2000, ';')

interface Case {
  readonly name: string
  readonly pattern?: string
  /** What is there, and stored, before. */
  readonly first?: readonly string[]
  /** Rotates; `at(name)` is a path. Returns the lines that are to come. */
  rotate(this: void, at: (name: string) => string): readonly string[]
  /** Only where the source cannot see what happened between two looks, or need not. */
  readonly only?: readonly Mode[]
}

type Mode = 'running' | 'stopped' | 'killed'

const cases: readonly Case[] = [
  {
    name: 'A: renamed, and its writer goes on after the new file is there',
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
    name: 'B3: copied, truncated, and grown past where it was before anybody looked',
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
    // While it runs the open file is read to its end; the packed one is a copy of it.
  },
  {
    name: 'D: cut and grown past where it was, without a copy',
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
    name: 'G: nothing but more lines',
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      return unread
    },
  },
  {
    name: 'H: removed and made again',
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
            // There is none of that name yet.
          }
        }
        writeFileSync(at('app.log'), '')
      }
      appendFileSync(at('app.log'), asLines(after))
      // app.log.2 was overwritten by the third turn: what was unread of the first is gone, unless somebody had it open.
      return [...numbered('turn 1', 10), ...numbered('turn 2', 10), ...after]
    },
    only: ['stopped', 'killed'],
  },
  {
    name: 'L: a link that leads to another file',
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
    name: 'N2: rotated twice, and the older one was written to after the newer one was done with',
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
    name: 'O: the successor begins like the file before it',
    first: ['# a header', '# that every file has', ...before],
    rotate(at) {
      renameSync(at('app.log'), at('app.log.1'))
      const text = ['# a header', '# that every file has', ...after]
      writeFileSync(at('app.log'), asLines(text))
      return text
    },
  },
  {
    name: 'O2: only a header was read, then renamed, and the successor has the same header',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      renameSync(at('app.log'), at('app.log.1'))
      writeFileSync(at('app.log'), asLines([header, ...after]))
      return [...unread, header, ...after]
    },
  },
  {
    name: 'O3: only a header was read, then copied and cut, and begun with the same header',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      truncateSync(at('app.log'))
      appendFileSync(at('app.log'), asLines([header, ...after]))
      return [...unread, header, ...after]
    },
    // While it runs, what comes behind the header is read before anybody copies it.
    only: ['stopped', 'killed'],
  },
  {
    name: 'O4: only a header was read, then copied, packed and cut, and begun with the same header and little more',
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
    name: 'O5: empty, then written to, copied and cut',
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
    name: 'O6: copied, and not cut',
    first: [header],
    rotate(at) {
      appendFileSync(at('app.log'), asLines(unread))
      copyFileSync(at('app.log'), at('app.log.1'))
      appendFileSync(at('app.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'P: written anew with the same content and more, as an editor does it',
    rotate(at) {
      const whole = readFileSync(at('app.log'))
      writeFileSync(at('app.new'), Buffer.concat([whole, Buffer.from(asLines(unread))]))
      renameSync(at('app.new'), at('app.log'))
      return unread
    },
  },
  {
    name: 'Q: a second name for the same file',
    pattern: '*.log',
    rotate(at) {
      linkSync(at('app.log'), at('also.log'))
      appendFileSync(at('app.log'), asLines(unread))
      return unread
    },
  },
  {
    name: 'R: other bytes than UTF-8 in a line',
    rotate(at) {
      appendFileSync(at('app.log'), Buffer.from([0xff, 0xc3, 0x28, 0x80, 0x0a]))
      return ['\xff\xc3(\x80']
    },
  },
  {
    name: 'S: zeros that a crash left, and lines behind them',
    rotate(at) {
      appendFileSync(at('app.log'), Buffer.concat([Buffer.alloc(4096), Buffer.from(asLines(unread))]))
      return [`${'\0'.repeat(4096)}${unread[0]}`, ...unread.slice(1)]
    },
  },
  {
    name: 'T: a line in two halves',
    rotate(at) {
      appendFileSync(at('app.log'), 'first half, ')
      appendFileSync(at('app.log'), 'second half\n')
      return ['first half, second half']
    },
  },
  {
    name: 'U: removed with an unread rest that nobody has any more',
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
    test(name, { timeout: 60_000 }, async (context) => {
      const { expect } = context
      const tailing = new Tailing(context, pattern)
      writeFileSync(tailing.path('app.log'), asLines(first))
      link(tailing, pattern)
      await tailing.start()
      await tailing.expectStored(first)
      await expect.poll(() => tailing.follows(), { timeout: 20_000 }).toBe(1)
      if (mode === 'stopped') await tailing.stop()
      if (mode === 'killed') await tailing.kill()
      const coming = rotate((file) => tailing.path(file))
      if (mode !== 'running') await tailing.start()
      await tailing.expectStored([...first, ...coming])
      // Nothing comes twice: also not after another start.
      await tailing.stop()
      await tailing.start()
      appendFileSync(tailing.path('app.log'), 'the end\n')
      const end = pattern === 'current' && name.startsWith('L') ? [] : ['the end']
      await tailing.expectStored([...first, ...coming, ...end])
    })
  }
})
