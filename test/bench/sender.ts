// A sender in a process of its own: writes the corpus file over TCP as fast as it is taken, `times` times over, and ends.
// argv: port, corpus file, times.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

const [port, path, times] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])]
const corpus = readFileSync(path)
const PIECE_BYTES = 1024 * 1024

const socket = connect(port, '127.0.0.1', () => {
  let round = 0
  let at = 0
  const send = (): void => {
    for (;;) {
      if (at === corpus.length) {
        round += 1
        at = 0
        if (round === times) return void socket.end()
      }
      const end = Math.min(at + PIECE_BYTES, corpus.length)
      const room = socket.write(corpus.subarray(at, end))
      at = end
      if (!room) return void socket.once('drain', send)
    }
  }
  send()
})
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
socket.on('data', () => {})
