import { expect, test } from 'vitest'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { openedArchive, temporaryFolder } from './surroundings.ts'

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
