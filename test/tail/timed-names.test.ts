// Rotated files that are named after a time only, as by svlogd, multilog and s6-log: `current` becomes `@400000006745a1b21c2f3e4d.s`.

import { appendFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { asLines, numbered, Tailing } from './tailing.ts'

const before = numbered('before', 100)
const unread = numbered('unread', 10)
const between = numbered('between', 10)
const after = numbered('after', 10)

describe.each(['running', 'stopped', 'killed'])('%s', (mode) => {
  test('the unread rest and a generation that nobody saw are read', async (context) => {
    const tailing = new Tailing(context, 'current')
    const current = tailing.path('current')
    const older = tailing.path('@4000000067459fff00000001.s')
    writeFileSync(older, 'older\n')
    utimesSync(older, 1_700_000_000, 1_700_000_000)
    writeFileSync(current, asLines(before))
    await tailing.start()
    await tailing.expectStored(before)
    await context.expect.poll(() => tailing.follows()).toBe(1)
    if (mode === 'stopped') await tailing.stop()
    if (mode === 'killed') await tailing.kill()
    appendFileSync(current, asLines(unread))
    renameSync(current, tailing.path('@400000006745a1b21c2f3e4d.s'))
    writeFileSync(current, asLines(between))
    renameSync(current, tailing.path('@400000006745a1b300a1b2c3.u'))
    writeFileSync(tailing.path('@home'), 'no generation\n')
    writeFileSync(current, asLines(after))
    if (mode !== 'running') await tailing.start()
    await tailing.expectStored([...before, ...unread, ...between, ...after])
  })
})
