import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Intake } from '../../collector/archive/intake.ts'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { openedArchive, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000

test('marks: however many senders ask at the same time, each is told about its own streams', async () => {
  const archive = await openedArchive(fakePlatform(), temporaryFolder())
  const [some, others, unknown] = ['a', 'b', 'c'].map((digit) => digit.repeat(32))
  await archive.write(
    batch([
      { texts: ['x'], from: 0, id: some },
      { texts: ['y'], from: 50, id: others },
    ]),
  )
  const questions = Array.from({ length: 70_000 }, (_, i) => [[some], [others, unknown]][i % 2])
  const answers = await Promise.all(questions.map((ids) => archive.streams.marks(ids)))
  const wanted = [new Map([[some, 10]]), new Map([[others, 60]])]
  expect(answers.filter((answer, i) => JSON.stringify([...answer]) !== JSON.stringify([...wanted[i % 2]]))).toEqual([])
})

const idOf = (n: number) => n.toString(16).padStart(32, '0')

test('marks: of more streams than fit half of a part, those that were silent for longest are forgotten, and it is reported', () => {
  const folder = join(temporaryFolder(), 'archive')
  mkdirSync(folder)
  const reports: string[] = []
  const opened = () =>
    new Intake(folder, 7, 16_000, (text, values) => void reports.push(`${text} ${JSON.stringify(values)}`))
  const intake = opened()
  for (let n = 1; n <= 101; n += 1) {
    intake.add({ id: n, batch: { ...batch([{ texts: ['x'], from: 0, id: idOf(n) }]), received: NOON + n } })
    while (!intake.step());
  }
  const ids = Array.from({ length: 101 }, (_, i) => idOf(i + 1))
  expect([...intake.marks(ids).keys()]).toEqual(ids.slice(26))
  expect(reports).toEqual([expect.stringMatching(/^too many incoming streams.*"streams":26/)])
  intake.close()
  const later = opened()
  later.open([{ day: '2026-11-23', part: 1 }])
  expect(later.marks(ids.slice(26)).size).toBe(75)
  expect(later.marks(ids).size).toBeLessThanOrEqual(100)
})
