import type { Server, Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { lockDataFolder } from '../../common/net/data-lock.ts'
import { systemRandom } from '../../common/random.ts'
import { temporaryFolder } from '../end-to-end/program.ts'

const servers: Server[] = []

vi.mock('node:net', async (original) => {
  const net = await original<typeof import('node:net')>()
  const createServer = (listener: (socket: Socket) => void) => {
    const server = net.createServer(listener)
    servers.push(server)
    return server
  }
  return { ...net, createServer }
})

test('connections to the lock that cannot be accepted, because the system is out of descriptors, end nothing', async () => {
  const lock = await lockDataFolder(temporaryFolder(), systemDisk, systemRandom)
  const [server] = servers
  for (let i = 0; i < 3; i += 1) expect(() => server.emit('error', new Error('accept ENFILE'))).not.toThrow()
  await lock.release()
})
