// Which files and lines a file source reads: patterns, first start, lines written in pieces, multiline, files that come and go.

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
import { describe, expect, test } from 'vitest'
import { asLines, numbered, Tailing } from './tailing.ts'

describe.concurrent('files', () => {
  test('temporary files with decompressed content that a killed process left are removed at the next start', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const folder = join(tailing.data, 'sources/apps')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'rest-0123456789abcdef0123456789abcdef'), 'one\n')
    await tailing.start()
    context.expect(readdirSync(folder).filter((name) => name.startsWith('rest-'))).toEqual([])
  })

  test('the stream of a removed file that was read to its end is reported as ended, that of a renamed file is not', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log*')
    tailing.fastClock(100)
    for (const name of ['gone.log', 'kept.log']) writeFileSync(tailing.path(name), `${name}\n`)
    await tailing.start()
    await tailing.expectStored(['gone.log', 'kept.log'])
    renameSync(tailing.path('kept.log'), tailing.path('kept.log.1'))
    rmSync(tailing.path('gone.log'))
    // A file with a successor is dropped sooner.
    writeFileSync(tailing.path('gone.log'), 'new\n')
    await expect.poll(() => tailing.retired.length).toBe(1)
    appendFileSync(tailing.path('kept.log.1'), 'more\n')
    await tailing.expectStored(['gone.log', 'kept.log', 'new', 'more'])
    await tailing.stop()
    expect(tailing.retired).toHaveLength(1)
    expect([...(await tailing.streams.marks([])).keys()]).toContain(tailing.retired[0])
  })

  test('lines that a writer adds to a renamed file minutes later are read', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const passes = tailing.fastClock()
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
    await context.expect.poll(() => tailing.retired.length).toBe(1)
    await tailing.stop()
  })

  test('a generation that came and went under the name of a rotated file is read, even after several restarts', async (context) => {
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
  })

  test('a file that was moved out of the followed folder for an hour is continued at its position when it is moved back', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const passes = tailing.fastClock()
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 20)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 20))
    mkdirSync(tailing.path('away'))
    renameSync(tailing.path('app.log'), tailing.path('away/app'))
    await context.expect.poll(() => tailing.hasLogged('file is gone; it had been read')).toBe(true)
    await passes(60 * 60_000)
    appendFileSync(tailing.path('away/app'), 'meanwhile\n')
    renameSync(tailing.path('away/app'), tailing.path('app.log'))
    await tailing.expectStored([...numbered('first', 20), 'meanwhile'])
    context.expect(tailing.retired).toEqual([])
    await tailing.stop()
  })

  test('a file that matches both paths and exclude is not read', async (context) => {
    const tailing = new Tailing(context, '*', { exclude: ['*.old', 'debug*'] })
    writeFileSync(tailing.path('app.log.old'), 'old\n')
    writeFileSync(tailing.path('debug.log'), 'debug\n')
    writeFileSync(tailing.path('app.log'), 'app\n')
    await tailing.start()
    await tailing.expectStored(['app'])
  })

  test('files in folders that are created later are found, at any depth that the pattern matches', async (context) => {
    const tailing = new Tailing(context, '**/*.log')
    await tailing.start()
    mkdirSync(tailing.path('a/b/c'), { recursive: true })
    writeFileSync(tailing.path('a/b/c/deep.log'), 'deep\n')
    writeFileSync(tailing.path('a/flat.log'), 'flat\n')
    await tailing.expectStored(['deep', 'flat'])
  })

  test('a file whose name is not UTF-8 is followed like any other', async (context) => {
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

  test.skipIf(process.getuid?.() === 0)(
    'a file without read permission is read once permission is given',
    async (context) => {
      const { expect } = context
      const tailing = new Tailing(context, '*.log')
      writeFileSync(tailing.path('secret.log'), 'secret\n')
      chmodSync(tailing.path('secret.log'), 0)
      await tailing.start()
      await expect.poll(() => tailing.hasLogged('cannot be read')).toBe(true)
      chmodSync(tailing.path('secret.log'), 0o600)
      await tailing.expectStored(['secret'])
    },
  )

  test('a dangling symbolic link is followed once its target exists', async (context) => {
    const tailing = new Tailing(context, '*.log')
    symlinkSync('target', tailing.path('link.log'))
    await tailing.start()
    writeFileSync(tailing.path('target'), 'there\n')
    await tailing.expectStored(['there'])
  })

  test('a thousand files with the same head are told apart, even if all are renamed while sluice is stopped', async (context) => {
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
  })
})

describe.concurrent('lines', () => {
  test('a line written byte by byte, with a restart in between, is one message', async (context) => {
    const tailing = new Tailing(context, '*.log')
    const text = 'Zürich → 東京 😀'
    await tailing.start()
    for (const byte of Buffer.from(text)) appendFileSync(tailing.path('a.log'), Buffer.from([byte]))
    await tailing.stop()
    await tailing.start()
    appendFileSync(tailing.path('a.log'), '!\n')
    await tailing.expectStored([Buffer.from(`${text}!`).toString('latin1')])
  })

  test('carriage returns before the newline are removed, and empty lines are skipped', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), 'one\r\n\r\n\n\ntwo\n')
    await tailing.start()
    await tailing.expectStored(['one', 'two'])
  })

  test('a line whose second half is written minutes later is one message', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const passes = tailing.fastClock()
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
  })
})

describe.concurrent('multiline', () => {
  const trace = ['Exception in thread "main" java.lang.Error: no', '\tat a.B.c(B.java:1)', '\tat a.B.main(B.java:9)']

  test('start: a line that does not match continues the message', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: { start: '^\\d{4}-' } })
    await tailing.start()
    writeFileSync(tailing.path('a.log'), '2026-11-23 one\n  more\nand more\n2026-11-24 two\n2026-11-25 three\n')
    await tailing.expectStored(['2026-11-23 one\n  more\nand more', '2026-11-24 two'])
    appendFileSync(tailing.path('a.log'), '2026-11-26 four\n')
    await tailing.expectStored(['2026-11-23 one\n  more\nand more', '2026-11-24 two', '2026-11-25 three'])
  })

  test('batches say that their messages are single lines, except those of a source that joins lines', async (context) => {
    const [joined, single] = [new Tailing(context, '*.log', { multiline: 'indented' }), new Tailing(context, '*.log')]
    for (const tailing of [joined, single]) {
      writeFileSync(tailing.path('a.log'), asLines([...trace, 'next', 'last']))
      await tailing.start()
    }
    await joined.expectStored([trace.join('\n'), 'next'])
    await single.expectStored([...trace, 'next', 'last'])
    expect([joined.singleLines, single.singleLines]).toEqual([false, true])
  })

  test('indented: a line that begins with a blank continues the message', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log'), asLines([...trace, 'next', 'last']))
    await tailing.start()
    await tailing.expectStored([trace.join('\n'), 'next'])
  })

  test('continuation: a line after one that ends in a backslash continues the message', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'continuation' })
    writeFileSync(tailing.path('a.log'), 'one \\\ntwo\nnext\nlast\nopen \\\n')
    await tailing.start()
    // A line that does not end in a backslash is complete: it does not wait for the next one.
    await tailing.expectStored(['one \\\ntwo', 'next', 'last'])
    appendFileSync(tailing.path('a.log'), 'closed\n')
    await tailing.expectStored(['one \\\ntwo', 'next', 'last', 'open \\\nclosed'])
  })

  test('stacktrace: frames and causes continue the message', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'stacktrace' })
    writeFileSync(
      tailing.path('a.log'),
      asLines([...trace, 'Caused by: java.io.IOException', '\t... 5 more', 'next', 'last']),
    )
    await tailing.start()
    await tailing.expectStored([[...trace, 'Caused by: java.io.IOException', '\t... 5 more'].join('\n'), 'next'])
  })

  test('an incomplete group that is completed during a restart and then rotated is one message', async (context) => {
    const tailing = new Tailing(context, 'a.log', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log'), asLines(trace.slice(0, 2)))
    await tailing.start()
    await tailing.stop()
    appendFileSync(tailing.path('a.log'), asLines(trace.slice(2)))
    await tailing.start()
    renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
    writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
    await tailing.expectStored([trace.join('\n'), 'after 0'])
  })

  // If the file at its old name were not recognised as its successor, it would wait for a minute.
  test('the last group of a rotated file is delivered after ten seconds of quiet, even after several restarts', async (context) => {
    const tailing = new Tailing(context, 'a.log', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log'), asLines(trace))
    await tailing.start()
    await context.expect.poll(() => tailing.follows()).toBe(1)
    await tailing.stop()
    renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
    writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
    for (const _ of numbered('restart', 3)) {
      await tailing.start()
      await context.expect.poll(() => tailing.follows()).toBe(2)
      await tailing.stop()
    }
    await tailing.start()
    await tailing.expectStored([trace.join('\n'), 'after 0'])
  })

  for (const pattern of ['a.log', 'a.log*']) {
    test(`the last group of a rotated file is delivered even if sluice is restarted every four seconds, ${pattern}`, async (context) => {
      const tailing = new Tailing(context, pattern, { multiline: 'indented' })
      const beganMs = Date.now()
      writeFileSync(tailing.path('a.log'), asLines(trace))
      await tailing.start()
      await context.expect.poll(() => tailing.follows()).toBe(1)
      await tailing.stop()
      renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
      writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
      // What a life of four seconds does not come to, on a busy machine, a later one does.
      while (tailing.stored.length < 2 && Date.now() - beganMs < 60_000) {
        await tailing.start()
        await new Promise((resolve) => setTimeout(resolve, 4_000))
        await tailing.stop()
        if (Date.now() - beganMs < 10_000) context.expect(tailing.stored).not.toContain(trace.join('\n'))
      }
      await tailing.expectStored([trace.join('\n'), 'after 0'])
    })
  }

  for (const how of ['running', 'stopped'] as const) {
    test(`the last group of a file rotated to a followed name is delivered after ten seconds of quiet, ${how}`, async (context) => {
      const tailing = new Tailing(context, 'a.log*', { multiline: 'indented' })
      writeFileSync(tailing.path('a.log'), asLines([...numbered('before', 1), ...trace]))
      await tailing.start()
      await tailing.expectStored(numbered('before', 1))
      if (how === 'stopped') await tailing.stop()
      renameSync(tailing.path('a.log'), tailing.path('a.log.1'))
      writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
      if (how === 'stopped') await tailing.start()
      await tailing.expectStored(['before 0', trace.join('\n'), 'after 0'])
      // The file is still followed: its writer may come back to it.
      appendFileSync(tailing.path('a.log.1'), asLines(numbered('late', 2)))
      await tailing.expectStored(['before 0', trace.join('\n'), 'after 0', 'late 0'])
      context.expect(tailing.retired).toEqual([])
    })
  }

  test('the last group of a file that was rotated before it was first seen is delivered after ten seconds of quiet', async (context) => {
    const tailing = new Tailing(context, 'a.log*', { multiline: 'indented' })
    writeFileSync(tailing.path('a.log-20261123'), asLines(trace))
    writeFileSync(tailing.path('a.log'), asLines(numbered('after', 2)))
    await tailing.start()
    await tailing.expectStored([trace.join('\n'), 'after 0'])
  })

  test('an incomplete group of a renamed file is not delivered while the old name has no successor', async (context) => {
    const tailing = new Tailing(context, '*.log', { multiline: 'indented' })
    const passes = tailing.fastClock()
    writeFileSync(tailing.path('a.log'), asLines(['before', ...trace.slice(0, 2)]))
    await tailing.start()
    await tailing.expectStored(['before'])
    renameSync(tailing.path('a.log'), tailing.path('b.log'))
    await passes(120_000)
    appendFileSync(tailing.path('b.log'), asLines([...trace.slice(2), 'after']))
    await tailing.expectStored(['before', trace.join('\n')])
    await tailing.stop()
  })
})
