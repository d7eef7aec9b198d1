import { expect, onTestFinished, test } from 'vitest'
import { Sighups } from '../../config/sighup.ts'
import { settle } from '../fake/clock.ts'

function listening(): { sighups: Sighups; hangUp: () => Promise<void> } {
  const before = process.listeners('SIGHUP')
  const sighups = new Sighups()
  const [listener] = process.listeners('SIGHUP').filter((each) => !before.includes(each))
  onTestFinished(() => void process.off('SIGHUP', listener))
  return { sighups, hangUp: () => (listener('SIGHUP'), settle()) }
}

test('a SIGHUP during the start is handled afterwards, and a SIGHUP during a stop is ignored', async () => {
  const { sighups, hangUp } = listening()
  await hangUp()
  let answered = 0
  sighups.begin(() => Promise.resolve(void (answered += 1)))
  await settle()
  expect(answered).toBe(1)
  await hangUp()
  expect(answered).toBe(2)
  sighups.end()
  await hangUp()
  expect(answered).toBe(2)
})

test('without a SIGHUP nothing is reopened', async () => {
  const { sighups } = listening()
  let answered = 0
  sighups.begin(() => Promise.resolve(void (answered += 1)))
  await settle()
  expect(answered).toBe(0)
})

test('all SIGHUPs that arrive while one is handled count as one more', async () => {
  const { sighups, hangUp } = listening()
  const open: (() => void)[] = []
  sighups.begin(() => new Promise((resolve) => open.push(resolve)))
  for (let i = 0; i < 100; i += 1) await hangUp()
  expect(open.length).toBe(1)
  open[0]()
  await settle()
  expect(open.length).toBe(2)
  open[1]()
  await settle()
  await hangUp()
  expect(open.length).toBe(3)
})
