// Names of files are bytes. Log lines show them in UTF-8, as the operator wrote them.

import { appendFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createMetrics } from '../../common/metric.ts'
import { reportGivenBack } from '../../shipper/tail/losses.ts'
import { nameText } from '../../shipper/tail/pattern.ts'
import { ReadWarnings } from '../../shipper/tail/read-warnings.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { asLines, Tailing } from './tailing.ts'

const NAME = 'prüfung-検査.log'

describe.concurrent('shown names', () => {
  const shows = async (tailing: Tailing, text: string, name = NAME) => {
    const isIt = (line: (typeof tailing.lines)[0]) => line.text.includes(text)
    await expect.poll(() => tailing.lines.find(isIt)?.values, { timeout: 60_000 }).toBeDefined()
    expect(tailing.lines.find(isIt)!.values['path']).toBe(tailing.path(name))
  }

  test('a file that was cut, and one that is gone', async (context) => {
    const tailing = new Tailing(context, NAME)
    tailing.fastClock()
    writeFileSync(tailing.path(NAME), asLines(['read']))
    await tailing.start()
    await tailing.expectStored(['read'])
    truncateSync(tailing.path(NAME))
    await shows(tailing, 'file was cut or rewritten')
    appendFileSync(tailing.path(NAME), asLines(['new']))
    await tailing.expectStored(['read', 'new'])
    unlinkSync(tailing.path(NAME))
    await shows(tailing, 'it had been read to its end')
    await tailing.stop() // while the clock still runs
  })

  test('the rest of a rotated file, and a file whose rest is lost', async (context) => {
    const tailing = new Tailing(context, '*.log')
    for (const name of [NAME, 'löst.log']) writeFileSync(tailing.path(name), asLines(['read']))
    await tailing.start()
    await tailing.expectStored(['read', 'read'])
    await tailing.stop()
    appendFileSync(tailing.path(NAME), asLines(['unread']))
    renameSync(tailing.path(NAME), tailing.path(`${NAME}.1`))
    unlinkSync(tailing.path('löst.log'))
    await tailing.start()
    await tailing.expectStored(['read', 'read', 'unread'])
    await shows(tailing, 'found the unread rest', `${NAME}.1`)
    await shows(tailing, 'file is gone', 'löst.log')
  })
})

test('a path that cannot be read, and messages that are lost with their file', () => {
  const log = fakeLog()
  const path = nameText(Buffer.from(NAME))
  const warnings = new ReadWarnings({ log, clock: new FakeClock() })
  warnings.report(path, 'EACCES')
  warnings.reportError(path, Object.assign(new Error('EMFILE'), { code: 'EMFILE' }))
  reportGivenBack({ log, metrics: createMetrics() }, 'apps', path, { messages: 1, error: new Error('not stored') })
  expect(log.lines.map(({ values }) => values['path'])).toEqual([NAME, NAME, NAME])
})
