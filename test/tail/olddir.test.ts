// Rotated files that are moved to a folder below that of the log (`olddir` of logrotate) while the source does not run.

import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, test } from 'vitest'
import { asLines, numbered, Tailing } from './tailing.ts'

const before = numbered('before', 100)
const unread = numbered('unread', 10)
const between = numbered('between', 10)
const after = numbered('after', 10)

type At = (name: string) => string

function pack(path: string): void {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)))
  unlinkSync(path)
}

const cases: Record<string, (at: At) => readonly string[]> = {
  'moved with an unread rest'(at) {
    renameSync(at('app.log'), at('old/app.log.1'))
    writeFileSync(at('app.log'), asLines(after))
    return [...unread, ...after]
  },
  'moved and compressed with an unread rest'(at) {
    renameSync(at('app.log'), at('old/app.log.1'))
    pack(at('old/app.log.1'))
    writeFileSync(at('app.log'), asLines(after))
    return [...unread, ...after]
  },
  'moved twice, with a generation in between'(at) {
    renameSync(at('app.log'), at('old/app.log.2'))
    writeFileSync(at('old/app.log.1'), asLines(between))
    writeFileSync(at('app.log'), asLines(after))
    return [...unread, ...between, ...after]
  },
  'moved twice and compressed, with a generation in between'(at) {
    renameSync(at('app.log'), at('old/app.log.2'))
    writeFileSync(at('old/app.log.1'), asLines(between))
    for (const name of ['old/app.log.1', 'old/app.log.2']) pack(at(name))
    writeFileSync(at('app.log'), asLines(after))
    return [...unread, ...between, ...after]
  },
  'copied there and truncated'(at) {
    copyFileSync(at('app.log'), at('old/app.log.1'))
    truncateSync(at('app.log'))
    appendFileSync(at('app.log'), asLines(after))
    return [...unread, ...after]
  },
}

describe.concurrent.each(['stopped', 'killed'] as const)('%s', (mode) => {
  for (const [name, rotate] of Object.entries(cases)) {
    test(name, async (context) => {
      const tailing = new Tailing(context, 'app.log')
      const at: At = (file) => tailing.path(file)
      for (const folder of ['old', 'other', 'closed']) mkdirSync(at(folder))
      writeFileSync(at('other/app.log.1'), asLines(['of another program']))
      chmodSync(at('closed'), 0)
      context.onTestFinished(() => chmodSync(at('closed'), 0o755))
      writeFileSync(at('app.log'), asLines(before))
      await tailing.start()
      await tailing.expectStored(before)
      if (mode === 'stopped') await tailing.stop()
      else await tailing.kill()
      appendFileSync(at('app.log'), asLines(unread))
      const expected = rotate(at)
      await tailing.start()
      await tailing.expectStored([...before, ...expected])
      // Nothing is stored twice, even after another start.
      await tailing.stop()
      await tailing.start()
      appendFileSync(at('app.log'), 'the end\n')
      await tailing.expectStored([...before, ...expected, 'the end'])
    })
  }
})

test('moved there twice between two looks, with a generation in between', async (context) => {
  const tailing = new Tailing(context, 'app.log')
  const at: At = (file) => tailing.path(file)
  for (const folder of ['old', 'other']) mkdirSync(at(folder))
  writeFileSync(at('app.log'), asLines(before))
  await tailing.start()
  await tailing.expectStored(before)
  writeFileSync(at('other/app.log.1'), asLines(['of another program']))
  renameSync(at('app.log'), at('old/app.log.2'))
  writeFileSync(at('app.log'), asLines(between))
  renameSync(at('app.log'), at('old/app.log.1'))
  writeFileSync(at('app.log'), asLines(after))
  await tailing.expectStored([...before, ...between, ...after])
})
