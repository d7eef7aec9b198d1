// Files that are followed through symbolic links in other folders, as in Kubernetes (`containers/x.log -> ../pods/x/0.log`). The target
// is rotated in its own folder, or the link is changed. Each case runs with the source running, stopped during the change, and killed
// before its positions were saved. Every line must be stored once.

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
  /** The lines of the file before the change; all of them are stored by then. */
  readonly first?: readonly string[]
  /** Rotates, or changes the link; `at(name)` is a path. Returns the lines that must still be stored. */
  rotate(this: void, at: At): readonly string[]
  /** The file to write to at the end, if it is not `pods/x/0.log`. */
  readonly last?: string
  readonly only?: readonly Mode[]
}

const before = numbered('before', 100)
const unread = numbered('unread', 10)
const after = numbered('after', 50)
const header = 'time;host;value'.padEnd(2000, ';')

/** Makes another folder for a link to point to, with these lines in its file. */
function another(at: At, lines: readonly string[]): void {
  mkdirSync(at('pods/y'))
  writeFileSync(at('pods/y/0.log'), asLines(lines))
}

/** Makes a link point to another target, atomically. */
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
    name: 'only a header was read; then copied, truncated, and begun again with the same header',
    first: [header],
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      copyFileSync(at('pods/x/0.log'), at('pods/x/0.log.1'))
      truncateSync(at('pods/x/0.log'))
      appendFileSync(at('pods/x/0.log'), asLines([header, ...after]))
      return [...unread, header, ...after]
    },
    // While the source runs, the lines after the header are read before the file is copied.
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
    name: 'the link is changed to another folder, with an unread rest in the old one',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      another(at, after)
      relink(at, 'containers/x.log', '../pods/y/0.log')
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
  },
  {
    name: 'rotated twice before the link is changed to another folder',
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
    name: 'only a header was read; then the link is changed to a file in another folder with the same header',
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
    name: 'copied into another folder, the link changed to it, and the original left behind',
    rotate(at) {
      appendFileSync(at('pods/x/0.log'), asLines(unread))
      another(at, [...before, ...unread, ...after])
      relink(at, 'containers/x.log', '../pods/y/0.log')
      return [...unread, ...after]
    },
    last: 'pods/y/0.log',
    // While the source runs, the original is read to its end, so the copy cannot be told from a new file.
    only: ['stopped', 'killed'],
  },
  {
    name: 'the link is removed, with an unread rest in its target',
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
    name: 'a link to a folder is changed to another folder, with an unread rest in the old one',
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
    name: 'rotated and compressed before a link to its folder is changed to another folder',
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
    test(name, async (context) => {
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
      await expect.poll(() => tailing.follows()).toBe(1)
      if (mode === 'stopped') await tailing.stop()
      if (mode === 'killed') await tailing.kill()
      const expected = rotate(at)
      if (mode !== 'running') await tailing.start()
      await tailing.expectStored([...first, ...expected])
      // Nothing is stored twice, even after another start.
      await tailing.stop()
      await tailing.start()
      appendFileSync(at(last ?? 'pods/x/0.log'), 'the end\n')
      await tailing.expectStored([...first, ...expected, 'the end'])
    })
  }
})

test.for(['current.log', 'current/0.log'])(
  'a link is led back to a file that it left ten minutes ago: the file is continued, %s',
  async (pattern, context) => {
    const { expect } = context
    const tailing = new Tailing(context, pattern)
    const passes = tailing.fastClock()
    const at = (file: string) => tailing.path(file)
    const point = (to: string) =>
      pattern === 'current.log' ? relink(at, 'current.log', `pods/${to}/0.log`) : relink(at, 'current', `pods/${to}`)
    mkdirSync(at('pods/x'), { recursive: true })
    writeFileSync(at('pods/x/0.log'), asLines(before))
    another(at, after)
    point('x')
    await tailing.start()
    await tailing.expectStored(before)
    point('y')
    await tailing.expectStored([...before, ...after])
    await passes(10 * 60_000)
    await expect.poll(() => tailing.hasLogged('file is gone; it had been read')).toBe(true)
    appendFileSync(at('pods/x/0.log'), asLines(unread))
    point('x')
    await tailing.expectStored([...before, ...after, ...unread])
    await passes(10 * 60_000)
    // Also across a restart, after which it is held open for a while.
    await tailing.stop()
    await tailing.start()
    await passes(10 * 60_000)
    appendFileSync(at('pods/y/0.log'), 'more\n')
    point('y')
    await tailing.expectStored([...before, ...after, ...unread, 'more'])
    await tailing.stop()
    expect(tailing.retired).toEqual([])
  },
)
