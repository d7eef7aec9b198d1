// The program of lines without a header: by default it is the name of their file.

import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { asLines, Tailing } from './tailing.ts'

describe.concurrent('program', () => {
  test('the unread rest of a file that was rotated while sluice was stopped has the program of the file', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    writeFileSync(tailing.path('app.log'), asLines(['read']))
    await tailing.start()
    await tailing.expectStored(['read'])
    await tailing.stop()
    appendFileSync(tailing.path('app.log'), asLines(['unread']))
    renameSync(tailing.path('app.log'), tailing.path('app-20261123.log'))
    writeFileSync(tailing.path('app.log'), asLines(['new']))
    await tailing.start()
    await tailing.expectStored(['read', 'unread', 'new'])
    expect([...tailing.programs]).toEqual(['app'])
  })

  test('a file that is rotated to a name that is followed too keeps its program; any other new name gives a new one', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('app.log'), asLines(['read']))
    await tailing.start()
    await tailing.expectStored(['read'])
    await tailing.stop()
    appendFileSync(tailing.path('app.log'), asLines(['unread']))
    renameSync(tailing.path('app.log'), tailing.path('app-20261123.log'))
    await tailing.start()
    await tailing.expectStored(['read', 'unread'])
    expect([...tailing.programs]).toEqual(['app'])
    await tailing.stop()
    renameSync(tailing.path('app-20261123.log'), tailing.path('web.log'))
    appendFileSync(tailing.path('web.log'), asLines(['renamed']))
    await tailing.start()
    await tailing.expectStored(['read', 'unread', 'renamed'])
    expect([...tailing.programs]).toEqual(['app', 'web'])
  })

  test('a configured program with other characters than ASCII is written in UTF-8', async (context) => {
    const tailing = new Tailing(context, 'app.log', { program: 'prüfung-検査' })
    writeFileSync(tailing.path('app.log'), asLines(['line']))
    await tailing.start()
    await tailing.expectStored(['line'])
    expect([...tailing.programs]).toEqual(['prüfung-検査'])
  })

  test('a file whose name is not ASCII gives its program the bytes of the name', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('voilà prüfung.log'), asLines(['line']))
    await tailing.start()
    await tailing.expectStored(['line'])
    expect([...tailing.programs]).toEqual(['voilà_prüfung'])
  })
})
