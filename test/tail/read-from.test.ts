// Where reading begins in files that exist at the very first start.

import { appendFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { asLines, diskWithErrors, Tailing } from './tailing.ts'

describe.concurrent('read_from', () => {
  test('read_from: end skips what files have at the first start, and nothing after that', async (context) => {
    const tailing = new Tailing(context, '*.log', { read_from: 'end' })
    writeFileSync(tailing.path('old.log'), 'old\nhalf of ')
    await tailing.start()
    await context.expect.poll(() => tailing.follows()).toBe(1)
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
    ['half a line at the end of a file', 'half of '],
    ['half a long line at the end of a file', 'long '.repeat(30_000)],
  ] as const) {
    test(`read_from: end: ${what} at the first start is delivered whole once it is complete`, async (context) => {
      const tailing = new Tailing(context, '*.log', { read_from: 'end' })
      writeFileSync(tailing.path('a.log'), half)
      writeFileSync(tailing.path('b.log'), `old\n${half}`)
      await tailing.start()
      await context.expect.poll(() => tailing.follows()).toBe(2)
      for (const name of ['a.log', 'b.log']) appendFileSync(tailing.path(name), 'a line\n')
      await tailing.expectStored([`${half}a line`, `${half}a line`])
    })
  }

  test('read_from: end applies only to the first start, even if that found no file', async (context) => {
    const tailing = new Tailing(context, '*.log', { read_from: 'end' })
    const passes = tailing.fastClock()
    await tailing.start()
    await passes(60_000)
    await tailing.stop()
    writeFileSync(tailing.path('new.log'), 'new\n')
    await tailing.start()
    await tailing.expectStored(['new'])
    await tailing.stop()
  })

  test.for(['running', 'after a restart'])(
    'read_from: end: what a file had at the first start is skipped also if it can only be read later, %s',
    async (when, context) => {
      const tailing = new Tailing(context, '*.log', { read_from: 'end' })
      writeFileSync(tailing.path('app.log'), 'old\nhalf of ')
      let isDenied = true
      tailing.disk = diskWithErrors((path) => isDenied && path.endsWith('/app.log'), 'EACCES')
      await tailing.start()
      await context.expect.poll(() => tailing.hasLogged('cannot be read')).toBe(true)
      appendFileSync(tailing.path('app.log'), asLines(['a line', 'more']))
      if (when !== 'running') await tailing.stop()
      isDenied = false
      if (when !== 'running') await tailing.start()
      await tailing.expectStored(['half of a line', 'more'])
      appendFileSync(tailing.path('app.log'), 'last\n')
      await tailing.expectStored(['half of a line', 'more', 'last'])
    },
  )
})
