// Checks of a connection, plain or under TLS.

import { expect } from 'vitest'
import type { Connection } from '../../common/net/net.ts'
import { until } from './until.ts'

/** Starts reading, and records what is received. */
export function reading(connection: Connection) {
  const heard = { text: '', ended: false, closed: false, error: undefined as Error | undefined }
  connection.start({
    data: (chunk) => (heard.text += chunk.toString('latin1')),
    end: () => (heard.ended = true),
    close(error) {
      heard.closed = true
      heard.error = error
    },
  })
  return heard
}

/** Expects that a sender is stopped while the receiver is paused, and that nothing is lost after it resumes. */
export async function pauseAndResume(sender: Connection, receiver: Connection): Promise<void> {
  let bytes = 0
  receiver.start({ data: (chunk) => (bytes += chunk.length), end: () => undefined, close: () => undefined })
  receiver.pause()
  const mebibyte = Buffer.alloc(1024 * 1024, 'x')
  let taken = 0
  const sending = (async () => {
    for (let i = 0; i < 64; i += 1) {
      await sender.write(mebibyte)
      taken += 1
    }
  })()
  let before = -1
  await until('the sender stands', async () => {
    const now = taken
    const stands = now === before && now > 0
    before = now
    await new Promise((resolve) => setTimeout(resolve, 100))
    return stands
  })
  expect(taken).toBeLessThan(64)
  expect(bytes).toBeLessThan(1024 * 1024)
  receiver.resume()
  await sending
  await until('all of it', () => bytes === 64 * mebibyte.length)
}
