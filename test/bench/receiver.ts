// A receiver in a process of its own: counts the lines that arrive over TCP and says so. Prints its port, and then, each
// time it has been quiet for a moment, `COUNT BYTES MILLISECONDS` where the last is the time of the last byte.

import { createServer } from 'node:net'

const NEWLINE = 0x0a
let lines = 0
let bytes = 0
let last = 0
let said = 0

const server = createServer((socket) => {
  socket.on('data', (chunk) => {
    bytes += chunk.length
    last = Date.now()
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1
  })
  socket.on('error', () => {})
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) process.stdout.write(`${address.port}\n`)
})
setInterval(() => {
  if (lines === said || Date.now() - last < 50) return
  said = lines
  process.stdout.write(`${lines} ${bytes} ${last}\n`)
}, 20)
process.on('disconnect', () => process.exit())
