// Lookups of names, where name servers answer late, wrongly or not at all.

import type { LookupAddress } from 'node:dns'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { resolve } from '../../common/net/resolve.ts'

interface Question {
  readonly host: string
  answer(addresses: LookupAddress[]): void
  fail(code: string): void
}

const { questions } = vi.hoisted(() => ({ questions: [] as Question[] }))
vi.mock('node:dns/promises', () => ({
  lookup: (host: string) =>
    new Promise((answer, reject) => {
      const fail = (code: string) => reject(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }))
      questions.push({ host, answer, fail })
    }),
}))

beforeEach(() => void questions.splice(0))

/** What the clock was asked to do after ten seconds. */
function deadlines(): (() => void)[] {
  const calls: (() => void)[] = []
  const after = vi.spyOn(systemClock, 'after').mockImplementation((ms, call) => {
    expect(ms).toBe(10_000)
    calls.push(call)
    return () => {}
  })
  onTestFinished(() => after.mockRestore())
  return calls
}

const somewhere: LookupAddress[] = [{ address: '192.0.2.1', family: 4 }]

test('a name whose name servers say nothing is a fault that can pass, and says who is silent', async () => {
  const calls = deadlines()
  const attempt = resolve('silent.example.net')
  calls[0]()
  await expect(attempt).rejects.toMatchObject({
    code: 'HOST_UNRESOLVED',
    retryable: true,
    detail: 'the address of silent.example.net is not known: no answer from name servers within 10 s',
  })
})

test('while a lookup is under way there is no second one for its name, and its answer is for all who wait', async () => {
  const calls = deadlines()
  const given = resolve('logs.example.net')
  calls[0]()
  await expect(given).rejects.toThrow('no answer')
  const [second, third, other] = [resolve('logs.example.net'), resolve('logs.example.net'), resolve('b.example.net')]
  expect(questions.map(({ host }) => host)).toEqual(['logs.example.net', 'b.example.net'])
  questions[0].answer(somewhere)
  questions[1].answer([])
  expect(await Promise.all([second, third, other])).toEqual([somewhere, somewhere, []])
  // What it said is not remembered: a name may lead elsewhere the next time.
  const again = resolve('logs.example.net')
  expect(questions).toHaveLength(3)
  questions[2].answer([])
  expect(await again).toEqual([])
})

test.each([
  ['ENOTFOUND', 'logs.example.net has no address'],
  ['EAI_AGAIN', 'the address of logs.example.net is not known: name servers do not answer, or failed'],
  ['EAI_FAIL', 'the address of logs.example.net is not known: getaddrinfo EAI_FAIL logs.example.net'],
])('%s is said in words, and asked about again', async (code, detail) => {
  const attempt = resolve('logs.example.net')
  questions[0].fail(code)
  await expect(attempt).rejects.toMatchObject({ code: 'HOST_UNRESOLVED', retryable: true, detail })
  void resolve('logs.example.net').catch(() => {})
  expect(questions).toHaveLength(2)
  questions[1].fail(code)
})

test('a stop does not wait for name servers', async () => {
  const stop = new AbortController()
  const attempt = resolve('silent.example.net', stop.signal)
  stop.abort()
  await expect(attempt).rejects.toThrow('stopped')
  await expect(resolve('silent.example.net', stop.signal)).rejects.toThrow('stopped')
})
