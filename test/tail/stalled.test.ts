// Files that change while a destination stalls: each line is stored once.

import { appendFileSync, copyFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { OPEN_WRITE_BYTES_MAX } from '../../common/limits.ts'
import { asLines, hold, numbered, Tailing } from './tailing.ts'

describe.concurrent('a destination that stalls', () => {
  for (const end of ['go', 'giveBack'] as const) {
    test(`a file is copied and truncated while writes are open, which are then ${end === 'go' ? 'settled' : 'rejected'}`, async (context) => {
      const tailing = new Tailing(context, 'app.log')
      const first = numbered('first', 50)
      writeFileSync(tailing.path('app.log'), asLines(first))
      await tailing.start()
      await tailing.expectStored(first)
      const held = hold(tailing)
      const open = numbered('open', 50)
      appendFileSync(tailing.path('app.log'), asLines(open))
      await context.expect.poll(() => tailing.offered).toBeGreaterThan(1)
      const unread = numbered('unread', 50)
      appendFileSync(tailing.path('app.log'), asLines(unread))
      copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
      truncateSync(tailing.path('app.log'))
      appendFileSync(tailing.path('app.log'), 'after\n')
      await context.expect.poll(() => tailing.hasLogged('found the unread rest')).toBe(true)
      held[end]()
      await tailing.expectStored([...first, ...open, ...unread, 'after'])
      await tailing.stop()
      await tailing.start()
      appendFileSync(tailing.path('app.log'), 'the end\n')
      await tailing.expectStored([...first, ...open, ...unread, 'after', 'the end'])
    })
  }

  test('so long that no more may be read: a file that is created and removed meanwhile is read afterwards', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log')
    const lines = numbered('x'.repeat(10_000), Math.ceil((2 * OPEN_WRITE_BYTES_MAX) / 10_000))
    writeFileSync(tailing.path('app.log'), asLines(lines))
    const held = hold(tailing)
    context.onTestFinished(() => held.go())
    await tailing.start()
    await expect.poll(() => tailing.offeredBytes).toBeGreaterThanOrEqual(OPEN_WRITE_BYTES_MAX)
    writeFileSync(tailing.path('brief.log'), 'brief\n')
    await expect.poll(() => tailing.follows()).toBe(2)
    rmSync(tailing.path('brief.log'))
    held.go()
    await tailing.expectStored([...lines, 'brief'])
  })
})
