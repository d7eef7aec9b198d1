// Files that links lead to from other folders, as Kubernetes has them (`containers/x.log -> ../pods/x/0.log`): they are rotated
// where they are, and links are made to lead elsewhere. Each case with the source running, stopped meanwhile, and killed before
// its positions were saved; every line is stored once.

import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, test } from 'vitest'
import { zstdCompressor } from '../../common/zstd.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

type Mode = 'running' | 'stopped' | 'killed'
type At = (name: string) => string

interface Case {
  readonly name: string
  readonly pattern?: string
  /** What is there, and stored, before. */
  readonly first?: readonly string[]
  /** Rotates; `at(name)` is a path. Returns the lines that are to come. */
  rotate(this: void, at: At): readonly string[]
  /** What is written to at the end, where that is another file. */
  readonly last?: string
  readonly only?: readonly Mode[]
}

const before = numbered('before', 100)
const unread = numbered('unread', 10)
const after = numbered('after', 50)
const header = 'time;host;value'.padEnd(2000, ';')

/** Another folder that a link may lead to, with these lines. */
function another(at: At, lines: readonly string[]): void {
  mkdirSync(at('pods/y'))
  writeFileSync(at('pods/y/0.log'), asLines(lines))
}

/** A link that is made to lead elsewhere, at once. */
function relink(at: At, link: string, target: string): void {
  symlinkSync(target, at(`${link}.new`))
  renameSync(at(`${link}.new`), at(link))
}

const cases: readonly Case[] = [
  {
    name: 'renamed, with an unread rest',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      renameSync(at('pods/x/0.log'), at('pods/x/0.log.20261126-101112'))
      writeFileSync(at('pods/x/0.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'renamed, with an unread rest, and compressed by gzip',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      writeFileSync(at('pods/x/0.log.2026.gz'), gzipSync(readFileSync(at('pods/x/0.log'))))
      unlinkSync(at('pods/x/0.log'))
      writeFileSync(at('pods/x/0.log'), asLines(after))
      return [...unread, ...after]
    },
  },
  {
    name: 'renamed, with an unread rest, and compressed by zstd, without a successor',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      writeFileSync(at('pods/x/0.log.1.zst'), zstdCompressor(3).compress(readFileSync(at('pods/x/0.log'))))
      unlinkSync(at('pods/x/0.log'))
      return unread
    },
  },
  {
    name: 'copied and truncated',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      copyFileSync(at('pods/x/0.log'), at('pods/x/0.log.1'))
      truncateSync(at('pods/x/0.log'))
      appendFileSync(at('pods/x/0.log'), asLines(numbered('after', 3)))
      return [...unread, ...numbered('after', 3)]
    },
  },
  {
    name: 'only a header was read, then copied and cut, and begun with the same header',
    first: [header],
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      copyFileSync(at('pods/x/0.log'), at('pods/x/0.log.1'))
      truncateSync(at('pods/x/0.log'))
      appendFileSync(at('pods/x/0.log'), asLines([header, ...after]))
      return [...unread, header, ...after]
    },
    // While it runs, what comes behind the header is read before anybody copies it.
    only: ['stopped', 'killed'],
  },
  {
    name: 'rotated several times',
    rotate(at) {
      const lines: string[] = []
      for (let turn = 0; turn < 3; turn += 1) {
        const text = numbered(`turn ${turn}`, 20)
        appendFileSync(at('pods/x/0.log'), asLines(text))
        renameSync(at('pods/x/0.log'), at(`pods/x/0.log.2026112${turn}`))
        lines.push(...text)
      }
      writeFileSync(at('pods/x/0.log'), asLines(after))
      return [...lines, ...after]
    },
  },
  {
    name: 'the link leads into another folder, and there is an unread rest in the old one',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      another(at, after)
      relink(at, 'containers/x.log', '../pods/y/0.log')
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
  },
  {
    name: 'rotated, and again, before the link leads into another folder',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      renameSync(at('pods/x/0.log'), at('pods/x/0.log.1'))
      const between = numbered('between', 20)
      writeFileSync(at('pods/x/0.log.2'), asLines(between))
      another(at, after)
      relink(at, 'containers/x.log', '../pods/y/0.log')
      return [...unread, ...between, ...after]
    },
    last: 'pods/y/0.log',
  },
  {
    name: 'the link leads to a file in another folder that has the same header and was all that was read',
    first: [header],
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      another(at, [header, ...after])
      relink(at, 'containers/x.log', '../pods/y/0.log')
      return [...unread, header, ...after]
    },
    last: 'pods/y/0.log',
  },
  {
    name: 'moved into another folder by a copy that is left behind',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      another(at, [...before, ...unread, ...after])
      relink(at, 'containers/x.log', '../pods/y/0.log')
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
    // While it runs, both are there to be read: a file that goes on is known only by its end.
    only: ['stopped', 'killed'],
  },
  {
    name: 'the link is removed, and there is an unread rest',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      unlinkSync(at('containers/x.log'))
      another(at, after)
      symlinkSync('../pods/y/0.log', at('containers/y.log'))
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
  },
  {
    name: 'a link to a folder leads to another one, and there is an unread rest in the old one',
    pattern: 'current/0.log',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      another(at, after)
      relink(at, 'current', 'pods/y')
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
  },
  {
    name: 'rotated, packed, and then a link to its folder leads to another one',
    pattern: 'current/0.log',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      writeFileSync(at('pods/x/0.log.1.gz'), gzipSync(readFileSync(at('pods/x/0.log'))))
      unlinkSync(at('pods/x/0.log'))
      another(at, after)
      relink(at, 'current', 'pods/y')
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
  },
]

const modes: readonly Mode[] = ['running', 'stopped', 'killed']

describe.concurrent.each(modes)('%s', (mode) => {
  for (const { name, pattern = 'containers/*.log', first = before, rotate, last, only = modes } of cases) {
    if (!only.includes(mode)) continue
    test(name, { timeout: 60_000 }, async (context) => {
      const { expect } = context
      const tailing = new Tailing(context, pattern)
      const at = (file: string) => tailing.path(file)
      mkdirSync(at('pods/x'), { recursive: true })
      mkdirSync(at('containers'))
      writeFileSync(at('pods/x/0.log'), asLines(first))
      symlinkSync('../pods/x/0.log', at('containers/x.log'))
      symlinkSync('pods/x', at('current'))
      await tailing.start()
      await tailing.expectStored(first)
      await expect.poll(() => tailing.follows(), { timeout: 20_000 }).toBe(1)
      if (mode === 'stopped') await tailing.stop()
      if (mode === 'killed') await tailing.kill()
      const coming = rotate(at)
      if (mode !== 'running') await tailing.start()
      await tailing.expectStored([...first, ...coming])
      // Nothing comes twice: also not after another start.
      await tailing.stop()
      await tailing.start()
      appendFileSync(at(last ?? 'pods/x/0.log'), 'the end\n')
      await tailing.expectStored([...first, ...coming, 'the end'])
    })
  }
})
