// What a file source reads and does not read: patterns, starts, lines in pieces, joined lines, files that come and go.

import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { asLines, numbered, Tailing } from './tailing.ts'

const TIMEOUT = { timeout: 20_000, interval: 20 }

describe.concurrent('files', () => {
  test('read_from: end skips what is there at the first start, and nothing later', async (context) => {
    const tailing = new Tailing(context, '*.log', { read_from: 'end' })
    writeFileSync(tailing.path('old.log'), 'old\nhalf of ')
    await tailing.start()
    await context.expect.poll(() => tailing.follows(), { timeout: 20_000 }).toBe(1)
    appendFileSync(tailing.path('old.log'), 'a line\n')
    await tailing.expectStored(['half of a line'])
    writeFileSync(tailing.path('new.log'), 'new\n')
    await tailing.expectStored(['half of a line', 'new'])
    await tailing.stop()
    appendFileSync(tailing.path('old.log'), 'while stopped\n')
    writeFileSync(tailing.path('newer.log'), 'newer\n')
    await tailing.start()
    await tailing.expectStored(['half of a line', 'new', 'while stopped', 'newer'])
  })

  for (const [what, half] of [
    ['nothing but half a line', 'half of '],
    ['half a long line', 'long '.repeat(30_000)],
  ] as const) {
    test(`read_from: end begins ${what} at its start`, async (context) => {
      const tailing = new Tailing(context, '*.log', { read_from: 'end' })
      writeFileSync(tailing.path('a.log'), half)
      writeFileSync(tailing.path('b.log'), `old\n${half}`)
      await tailing.start()
      await context.expect.poll(() => tailing.follows(), { timeout: 20_000 }).toBe(2)
      for (const name of ['a.log', 'b.log']) appendFileSync(tailing.path(name), 'a line\n')
      await tailing.expectStored([`${half}a line`, `${half}a line`])
    })
  }

  test('read_from: end is for the first start, also where that found no file', async (context) => {
    const tailing = new Tailing(context, '*.log', { read_from: 'end' })
    const passes = tailing.hurry()
    await tailing.start()
    await passes(60_000)
    await tailing.stop()
    writeFileSync(tailing.path('new.log'), 'new\n')
    await tailing.start()
    await tailing.expectStored(['new'])
    await tailing.stop()
  })

  test('what a killed process had decompressed is removed at the next start', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const folder = join(tailing.data, 'sources/apps')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'rest-0123456789abcdef0123456789abcdef'), 'one\n')
    await tailing.start()
    context.expect(readdirSync(folder).filter((name) => name.startsWith('rest-'))).toEqual([])
  })

  test('a file that is gone and read to its end is over, one that was renamed is not', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log*')
    for (const name of ['gone.log', 'kept.log']) writeFileSync(tailing.path(name), `${name}\n`)
    await tailing.start()
    await tailing.expectStored(['gone.log', 'kept.log'])
    renameSync(tailing.path('kept.log'), tailing.path('kept.log.1'))
    rmSync(tailing.path('gone.log'))
    // With another file of its name it is let go of sooner.
    writeFileSync(tailing.path('gone.log'), 'new\n')
    await expect.poll(() => tailing.over.length, { timeout: 40_000 }).toBe(1)
    appendFileSync(tailing.path('kept.log.1'), 'more\n')
    await tailing.expectStored(['gone.log', 'kept.log', 'new', 'more'])
    await tailing.stop()
    expect(tailing.over).toHaveLength(1)
    expect([...(await tailing.streams.marks([])).keys()]).toContain(tailing.over[0])
  })

  test('a writer that comes back to a renamed file minutes later is read', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const passes = tailing.hurry()
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    writeFileSync(tailing.path('app.log'), 'new\n')
    const stored = ['first', 'new']
    for (const line of numbered('late', 3)) {
      await passes(4 * 60_000)
      appendFileSync(tailing.path('app.log.1'), `${line}\n`)
      stored.push(line)
      await tailing.expectStored(stored)
    }
    rmSync(tailing.path('app.log.1'))
    await context.expect.poll(() => tailing.over.length, TIMEOUT).toBe(1)
    await tailing.stop()
  }, 60_000)

  test('what came and went under the name of a rotated file is read, also behind several restarts', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    await tailing.stop()
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    appendFileSync(tailing.path('app.log.1'), 'more\n')
    await tailing.start()
    await tailing.expectStored(['first', 'more'])
    await tailing.stop()
    renameSync(tailing.path('app.log.1'), tailing.path('app.log.2'))
    writeFileSync(tailing.path('app.log.1'), 'second\n')
    await tailing.start()
    await tailing.expectStored(['first', 'more', 'second'])
  }, 60_000)

  test('a file that was moved out of sight for long goes on where it was when it is moved back', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const passes = tailing.hurry()
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 20)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 20))
    mkdirSync(tailing.path('away'))
    renameSync(tailing.path('app.log'), tailing.path('away/app'))
    await context.expect.poll(() => tailing.said('file is gone; it had been read'), TIMEOUT).toBe(true)
    await passes(60 * 60_000)
    appendFileSync(tailing.path('away/app'), 'meanwhile\n')
    renameSync(tailing.path('away/app'), tailing.path('app.log'))
    await tailing.expectStored([...numbered('first', 20), 'meanwhile'])
    context.expect(tailing.over).toEqual([])
    await tailing.stop()
  }, 60_000)

  test('exclude leaves out what the pattern takes', async (context) => {
    const tailing = new Tailing(context, '*', { exclude: ['*.gz', 'debug*'] })
    writeFileSync(tailing.path('app.log.1.gz'), 'packed\n')
    writeFileSync(tailing.path('debug.log'), 'debug\n')
    writeFileSync(tailing.path('app.log'), 'app\n')
    await tailing.start()
    await tailing.expectStored(['app'])
  })

  test('folders that are made later are found, at any depth that the pattern has', async (context) => {
    const tailing = new Tailing(context, '**/*.log')
    await tailing.start()
    mkdirSync(tailing.path('a/b/c'), { recursive: true })
    writeFileSync(tailing.path('a/b/c/deep.log'), 'deep\n')
    writeFileSync(tailing.path('a/flat.log'), 'flat\n')
    await tailing.expectStored(['deep', 'flat'])
  })

  test('a name that is not UTF-8 is a file like any other', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const name = Buffer.concat([Buffer.from(tailing.path('caf')), Buffer.from([0xe9]), Buffer.from('.log')])
    writeFileSync(name, 'latin1\n')
    await tailing.start()
    await tailing.expectStored(['latin1'])
    await tailing.stop()
    appendFileSync(name, 'more\n')
    await tailing.start()
    await tailing.expectStored(['latin1', 'more'])
  })

  test.skipIf(process.getuid?.() === 0)('a file that cannot be read at first is read once it can', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('secret.log'), 'secret\n')
    chmodSync(tailing.path('secret.log'), 0)
    await tailing.start()
    await expect.poll(() => tailing.said('cannot be read'), { timeout: 20_000 }).toBe(true)
    chmodSync(tailing.path('secret.log'), 0o600)
    await tailing.expectStored(['secret'])
  })

  test('a link that leads nowhere is followed once it leads somewhere', async (context) => {
    const tailing = new Tailing(context, '*.log')
    symlinkSync('target', tailing.path('link.log'))
    await tailing.start()
    writeFileSync(tailing.path('target'), 'there\n')
    await tailing.expectStored(['there'])
  })

  test('a thousand files with the same head keep apart, also across a restart and a renaming of all', async (context) => {
    const tailing = new Tailing(context, '*.csv')
    const head = `${'time;host;value'.padEnd(2000, ';')}\n`
    const all: string[] = []
    const name = (i: number) => tailing.path(`table-${i}.csv`)
    for (let i = 0; i < 1000; i += 1) {
      writeFileSync(name(i), `${head}row ${i}\n`)
      all.push(head.slice(0, -1), `row ${i}`)
    }
    await tailing.start()
    await tailing.expectStored(all)
    await tailing.stop()
    for (let i = 0; i < 1000; i += 1) {
      appendFileSync(name(i), `more ${i}\n`)
      renameSync(name(i), tailing.path(`other-${i}.csv`))
      all.push(`more ${i}`)
    }
    await tailing.start()
    await tailing.expectStored(all)
  }, 60_000)
})

describe.concurrent('lines', () => {
  test('a line is one message however it was written, also across a restart', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const text = 'Zürich → 東京 😀'
    await tailing.start()
    for (const byte of Buffer.from(text)) appendFileSync(tailing.path('a.log'), Buffer.from([byte]))
    await tailing.stop()
    await tailing.start()
    appendFileSync(tailing.path('a.log'), '!\n')
    await tailing.expectStored([Buffer.from(`${text}!`).toString('latin1')])
  })

  test('carriage returns before the newline go, empty lines are no messages', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), 'one\r\n\r\n\n\ntwo\n')
    await tailing.start()
    await tailing.expectStored(['one', 'two'])
  })

  test('a line of which the second half comes minutes later is one message', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const passes = tailing.hurry()
    writeFileSync(tailing.path('app.log'), 'whole\nfirst half, ')
    await tailing.start()
    await tailing.expectStored(['whole'])
    await passes(10 * 60_000)
    await tailing.expectStored(['whole'])
    await tailing.stop()
    await tailing.start()
    await passes(10 * 60_000)
    appendFileSync(tailing.path('app.log'), 'second half, ')
    await passes(10 * 60_000)
    appendFileSync(tailing.path('app.log'), 'and the end\nanother\n')
    await tailing.expectStored(['whole', 'first half, second half, and the end', 'another'])
    await tailing.stop()
  }, 60_000)
})

describe.concurrent('joined lines', () => {
  const trace = ['Exception in thread "main" java.lang.Error: no', '\tat a.B.c(B.java:1)', '\tat a.B.main(B.java:9)']

  test('start: what does not match belongs to the line before', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: { start: '^\\d{4}-' } })
    await tailing.start()
    writeFileSync(tailing.path('a.log'), '2026-11-23 one\n  more\nand more\n2026-11-24 two\n2026-11-25 three\n')
    await tailing.expectStored(['2026-11-23 one\n  more\nand more', '2026-11-24 two'])
    appendFileSync(tailing.path('a.log'), '2026-11-26 four\n')
    await tailing.expectStored(['2026-11-23 one\n  more\nand more', '2026-11-24 two', '2026-11-25 three'])
  })

  test('indented: blanks at the beginning join', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log'), asLines([...trace, 'next', 'last']))
    await tailing.start()
    await tailing.expectStored([trace.join('\n'), 'next'])
  })

  test('continuation: a backslash at the end joins', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'continuation' })
    writeFileSync(tailing.path('a.log'), 'one \\\ntwo\nnext\nlast\n')
    await tailing.start()
    await tailing.expectStored(['one \\\ntwo', 'next'])
  })

  test('stacktrace: frames and causes join', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'stacktrace' })
    writeFileSync(
      tailing.path('a.log'),
      asLines([...trace, 'Caused by: java.io.IOException', '\t... 5 more', 'next', 'last']),
    )
    await tailing.start()
    await tailing.expectStored([[...trace, 'Caused by: java.io.IOException', '\t... 5 more'].join('\n'), 'next'])
  })

  test('an open group is whole after a restart and after a rotation', async (context) => {
    const tailing = new Tailing(context, 'a.log', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log'), asLines(trace.slice(0, 2)))
    await tailing.start()
    await tailing.stop()
    appendFileSync(tailing.path('a.log'), asLines(trace.slice(2)))
    await tailing.start()
    renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
    writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
    await tailing.expectStored([trace.join('\n'), 'after 0'])
  }, 40_000)

  // Without a successor known by its first name it would wait for a minute.
  test('an open group of a rotated file comes after ten seconds of quiet, also behind several restarts', async (context) => {
    const tailing = new Tailing(context, 'a.log', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log'), asLines(trace))
    await tailing.start()
    await context.expect.poll(() => tailing.follows(), TIMEOUT).toBe(1)
    await tailing.stop()
    renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
    writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
    for (const _ of numbered('restart', 3)) {
      await tailing.start()
      await context.expect.poll(() => tailing.follows(), TIMEOUT).toBe(2)
      await tailing.stop()
    }
    await tailing.start()
    await tailing.expectStored([trace.join('\n'), 'after 0'])
  }, 60_000)

  for (const pattern of ['a.log', 'a.log*']) {
    test(`an open group of a rotated file comes also where a start is never ten seconds after another, ${pattern}`, async (context) => {
      const tailing = new Tailing(context, pattern, { multiline: 'indented' })
      const beganMs = Date.now()
      writeFileSync(tailing.path('a.log'), asLines(trace))
      await tailing.start()
      await context.expect.poll(() => tailing.follows(), TIMEOUT).toBe(1)
      await tailing.stop()
      renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
      writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
      while (tailing.stored.length < 2 && Date.now() - beganMs < 25_000) {
        await tailing.start()
        await new Promise((resolve) => setTimeout(resolve, 4_000))
        await tailing.stop()
        if (Date.now() - beganMs < 10_000) context.expect(tailing.stored).toEqual(['after 0'])
      }
      await tailing.expectStored([trace.join('\n'), 'after 0'])
    }, 60_000)
  }

  for (const how of ['running', 'stopped'] as const) {
    test(`an open group of a file that is rotated to a followed name comes after ten seconds of quiet, ${how}`, async (context) => {
      const tailing = new Tailing(context, 'a.log*', { multiline: 'indented' })
      writeFileSync(tailing.path('a.log'), asLines([...numbered('before', 1), ...trace]))
      await tailing.start()
      await tailing.expectStored(numbered('before', 1))
      if (how === 'stopped') await tailing.stop()
      renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
      writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
      if (how === 'stopped') await tailing.start()
      await tailing.expectStored(['before 0', trace.join('\n'), 'after 0'])
      // It is still followed: the writer may come back to it.
      appendFileSync(tailing.path('a.log.1'), asLines(numbered('late', 2)))
      await tailing.expectStored(['before 0', trace.join('\n'), 'after 0', 'late 0'])
      context.expect(tailing.over).toEqual([])
    }, 60_000)
  }

  test('an open group of a file that was rotated before it was first seen comes after ten seconds of quiet', async (context) => {
    const tailing = new Tailing(context, 'a.log*', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log-20261123'), asLines(trace))
    writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
    await tailing.start()
    await tailing.expectStored([trace.join('\n'), 'after 0'])
  }, 60_000)

  test('an open group stays open where its file was given another name, and nothing came under the first', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'indented' })
    const passes = tailing.hurry()
    writeFileSync(tailing.path('a.log'), asLines(['before', ...trace.slice(0, 2)]))
    await tailing.start()
    await tailing.expectStored(['before'])
    renameSync(tailing.path('a.log'), tailing.path('b.log'))
    await passes(120_000)
    appendFileSync(tailing.path('b.log'), asLines([...trace.slice(2), 'after']))
    await tailing.expectStored(['before', trace.join('\n')])
    await tailing.stop()
  }, 60_000)
})
