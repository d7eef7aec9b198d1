// SRV records over the real resolver, from a name server on the loopback.

import { createSocket } from 'node:dgram'
import { expect, onTestFinished, test } from 'vitest'
import { servicesOf } from '../../common/net/services.ts'

interface Srv {
  readonly target: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

const SRV = 33
// RFC 1035 §4.1.1
const SERVER_FAILURE = 2
const NAME_MISSING = 3

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, i) => bytes.writeUInt16BE(value, 2 * i))
  return bytes
}

function labels(name: string): Buffer {
  const parts = name === '.' ? [] : name.split('.')
  return Buffer.concat([...parts.map((part) => Buffer.from([part.length, ...Buffer.from(part)])), Buffer.of(0)])
}

/** The answer to a question (RFC 1035 §4.1): these records, or why there are none. */
function answerTo(question: Buffer, records: readonly Srv[], code: number): Buffer {
  const end = question.indexOf(0, 12) + 5
  const head = u16(question.readUInt16BE(0), 0x8180 | code, 1, records.length, 0, 0)
  const answers = records.map(({ target, port, priority, weight }) => {
    const data = Buffer.concat([u16(priority, weight, port), labels(target)])
    // Its name is the question's, which begins at byte 12; its time to live is 0.
    return Buffer.concat([u16(0xc00c, SRV, 1, 0, 0, data.length), data])
  })
  return Buffer.concat([head, question.subarray(12, end), ...answers])
}

/** A name server that has these records under every name; `code` is its answer where there are none. */
async function nameServer(records: readonly Srv[], code: number = NAME_MISSING): Promise<string[]> {
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) =>
    socket.send(answerTo(question, records, records.length === 0 ? code : 0), port, address),
  )
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onTestFinished(() => void socket.close())
  return [`127.0.0.1:${socket.address().port}`]
}

test('each record says host, port, priority and weight', async () => {
  const servers = await nameServer([
    { target: 'logs-a.example.net', port: 2514, priority: 0, weight: 5 },
    { target: 'logs-b.example.net', port: 2515, priority: 10, weight: 0 },
  ])
  const services = await servicesOf('_relp._tcp.example.net', servers)
  expect(services.toSorted((one, other) => one.port - other.port)).toEqual([
    { host: 'logs-a.example.net', port: 2514, priority: 0, weight: 5 },
    { host: 'logs-b.example.net', port: 2515, priority: 10, weight: 0 },
  ])
})

test('a name without records is a fault that can pass', async () => {
  const servers = await nameServer([])
  await expect(servicesOf('_relp._tcp.example.net', servers)).rejects.toMatchObject({
    code: 'HOST_UNRESOLVED',
    retryable: true,
    detail: '_relp._tcp.example.net has no SRV records',
  })
})

test('name servers that fail, or are away, say nothing of whether there are records', async () => {
  const failing = await nameServer([], SERVER_FAILURE)
  const nobody = ['127.0.0.1:1']
  for (const servers of [failing, nobody]) {
    const detail = /^the SRV records of _relp._tcp.example.net are not known: name servers do not answer, or failed/
    await expect(servicesOf('_relp._tcp.example.net', servers)).rejects.toMatchObject({
      code: 'HOST_UNRESOLVED',
      retryable: true,
      detail: expect.stringMatching(detail) as string,
    })
  }
})

test('a target of "." says that there is no such service', async () => {
  const servers = await nameServer([{ target: '.', port: 0, priority: 0, weight: 0 }])
  await expect(servicesOf('_relp._tcp.example.net', servers)).rejects.toThrow(/say that there is no such service/)
})
