// A sender in a process of its own: writes the corpus file over TCP as fast as it is taken, `times` times over, and ends. Each
// of its connections sends its share of the corpus, a piece at a time.
// argv: port, corpus file, times, connections, bytes of a piece.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

const [port, times, connections, pieceBytes] = [2, 4, 5, 6].map((i) => Number(process.argv[i]))
const corpus = readFileSync(process.argv[3])
const NEWLINE = 0x0a

/** The end of the line that byte `at` of the corpus is in. */
const lineEnd = (at: number): number => (at >= corpus.length ? corpus.length : corpus.indexOf(NEWLINE, at) + 1)

function sendFrom(first: number, last: number): void {
  const socket = connect(port, '127.0.0.1', () => {
    let round = 0
    let at = first
    const send = (): void => {
      for (;;) {
        if (at === last) {
          round += 1
          at = first
          if (round === times) return void socket.end()
        }
        const end = Math.min(lineEnd(at + pieceBytes), last)
        const room = socket.write(corpus.subarray(at, end))
        at = end
        // A single connection is kept full; several take turns.
        if (!room || connections > 1) return void (room ? setImmediate(send) : socket.once('drain', send))
      }
    }
    send()
  })
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
  socket.on('data', () => {})
}

for (let i = 0, first = 0; i < connections; i += 1) {
  const last = i === connections - 1 ? corpus.length : lineEnd(Math.floor((corpus.length * (i + 1)) / connections))
  sendFrom(first, last)
  first = last
}
