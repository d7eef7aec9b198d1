// The `unix` source on real sockets in a temporary folder.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { OPEN_WRITE_BYTES_MAX } from '../../common/limits.ts'
import { defectsOf } from '../../common/message/defects.ts'
import { messageObject } from '../../common/message/message-object.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { unixSource } from '../../shipper/source/unix.ts'
import { temporaryFolder } from '../conformance/surroundings.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { testWith } from '../end-to-end/peers.ts'
import { until } from '../net/until.ts'
import { dial, hasDatagrams, listening, sendDatagrams, whereDatagrams } from './unix-peers.ts'

class MarkedSink extends MemorySink {
  readonly marks: string[][] = []

  override write(batch: Batch): Promise<void> {
    for (let i = 0; i < batch.count; i += 1) this.marks.push(defectsOf(batch.marks?.[i] ?? 0))
    return super.write(batch)
  }
}

/** Lets the event loop read what has arrived. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => systemClock.soon(resolve))
}

const inode = (path: string) => lstatSync(path).ino
const newPath = (name = 'log') => join(temporaryFolder(), name)

describe.skipIf(!hasDatagrams)(`datagrams${whereDatagrams}`, () => {
  test('each datagram is a message, whatever its bytes; an empty one is not', async () => {
    const sink = new MarkedSink()
    const path = newPath()
    await listening({ path }, sink)
    const hostile = ['', '\0', '\n', '<13>a\0', '<13>b\n', '<13>c\0d', '<13>\xff\xfe', '<', '<13>', '<999>x', 'plain']
    await sendDatagrams(path, [...hostile.map((text) => Buffer.from(text, 'latin1')), '<13>last'])
    await until('the last', () => sink.texts.at(-1) === '<13>last')
    const kept = ['<13>a', '<13>b', '<13>c\0d', '<13>\xff\xfe', '<', '<13>', '<999>x', 'plain', '<13>last']
    expect(sink.texts).toEqual(kept)
  })

  test('a datagram of 64 KiB or more is kept as far as it can be read, and marked; a shorter one is complete', async () => {
    const sink = new MarkedSink()
    const path = newPath()
    await listening({ path }, sink)
    await sendDatagrams(
      path,
      [65_535, 65_536, 65_537, 150_000].map((length) => Buffer.alloc(length, 'x')),
    )
    await until('all', () => sink.texts.length === 4)
    expect(sink.texts.map(({ length }) => length)).toEqual([65_535, 65_536, 65_536, 65_536])
    expect(sink.marks).toEqual([[], ['DATAGRAM_CUT'], ['DATAGRAM_CUT'], ['DATAGRAM_CUT']])
  })

  test('a datagram longer than max_message is delivered completely, in marked pieces', async () => {
    const sink = new MarkedSink()
    const path = newPath()
    await listening({ path }, sink, { messageBytesMax: 10_000 })
    await sendDatagrams(path, [Buffer.alloc(60_000, 'x')])
    const textOf = (piece: string) => piece.slice(piece.indexOf('] ') + 2)
    await until('all', () => sink.texts.map(textOf).join('').length >= 60_000)
    expect(sink.texts.map(textOf).join('')).toBe('x'.repeat(60_000))
    // No piece is longer than a message may be, so that no relay has to split it again.
    expect(Math.max(...sink.texts.map(({ length }) => length))).toBeLessThanOrEqual(10_000)
    expect(sink.marks.every((marks) => marks.includes('MESSAGE_CHUNKED'))).toBe(true)
  })

  test('datagrams that arrive between open and run are not lost', async () => {
    const sink = new MemorySink()
    const path = newPath()
    const beforeRun = async () => {
      await sendDatagrams(path, ['<13>a', '<13>b'])
      await turns()
    }
    await listening({ path }, sink, { beforeRun })
    await until('both', () => sink.texts.length === 2)
    expect(sink.texts).toEqual(['<13>a', '<13>b'])
  })

  test('datagrams that were sent before a stop are read', async () => {
    const sink = new MemorySink()
    const path = newPath()
    const { stop } = await listening({ path }, sink)
    const waits = await sendDatagrams(path, ['<13>a', '<13>b', '<13>c', '<13>d', '<13>e'])
    expect(waits).toBe(0)
    await stop()
    expect(sink.texts).toEqual(['<13>a', '<13>b', '<13>c', '<13>d', '<13>e'])
  })

  testWith(
    ['python3'],
    'while a destination stalls no sender waits for long, and every message is either stored or counted as dropped',
    async () => {
      const sink = new HeldSink()
      const path = newPath()
      const { counted, stop, platform } = await listening({ path }, sink)
      const dropped = () => counted('sluice_dropped_total{reason="unix_queue_full",where="local"}')
      // A blocking sender in a process of its own, like syslog(3): it ends only when the kernel has accepted everything.
      const count = 3 * Math.ceil(OPEN_WRITE_BYTES_MAX / 8_000)
      const script = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(${JSON.stringify(path)})
for i in range(${count}): s.send(b'<13>Nov 23 10:00:00 prog: ' + str(i).encode().ljust(7974))`
      const child = spawn('python3', ['-c', script], { stdio: 'ignore' })
      onTestFinished(() => void child.kill('SIGKILL'))
      const status = await new Promise((resolve) => child.once('close', resolve))
      expect(status).toBe(0)
      expect(await dropped()).toBeGreaterThan(0)
      expect(platform.log.lines.filter(({ text }) => text.startsWith('messages dropped'))).toHaveLength(1)
      const stopped = stop()
      let done = false
      let stored = 0
      void stopped.then(() => (done = true))
      await until('all is settled', () => {
        for (const { texts } of sink.held) stored += texts.length
        while (sink.held.length > 0) sink.settle()
        return done
      })
      expect(stored).toBeGreaterThan(OPEN_WRITE_BYTES_MAX / 2 / 8_000)
      expect(stored + (await dropped())).toBe(count)
    },
  )

  test('when_full: block is a fault for datagrams, whose senders cannot be made to wait', () => {
    const given = unixSource.options.safeParse({ path: '/run/log', when_full: 'block' })
    expect(given.error?.issues).toMatchObject([{ path: ['when_full'] }])
  })
})

describe.skipIf(!hasDatagrams)(`headers of local messages${whereDatagrams}`, () => {
  /** The header fields of these messages as `sluice parse` prints them. */
  async function fieldsOf(texts: readonly string[]): Promise<Record<string, unknown>[]> {
    const path = newPath()
    const fields: Record<string, unknown>[] = []
    const sink = {
      write(batch: Batch) {
        const { origin } = batch.runs[0]
        for (let i = 0; i < batch.count; i += 1) fields.push({ ...messageObject(batch, i, origin) })
        return Promise.resolve()
      },
    }
    await listening({ path }, sink)
    await sendDatagrams(path, texts)
    await until('all', () => fields.length === texts.length)
    return fields
  }

  test('the host is the name of this machine, even if another word is in the place of the host', async () => {
    const fields = await fieldsOf([
      '<38>Nov 23 10:00:00 su[230]: failed',
      '<38>Nov 23 10:00:00 su: failed',
      '<38>Nov 23 10:00:00 here su[230]: failed',
      '<38>Nov 23 10:00:00 elsewhere su[230]: failed',
      '<38>su[230]: failed',
      'no header at all',
    ])
    expect(fields.map(({ host, program, pid, message }) => [host, program, pid, message])).toEqual([
      ['here', 'su', '230', 'failed'],
      ['here', 'su', undefined, 'failed'],
      ['here', 'su', '230', 'failed'],
      ['here', undefined, undefined, 'elsewhere su[230]: failed'],
      ['here', 'su', '230', 'failed'],
      ['here', undefined, undefined, 'no header at all'],
    ])
  })
})

describe.skipIf(!hasDatagrams)(`the socket file${whereDatagrams}`, () => {
  test('has the configured mode, by default 0666, whatever the umask', async () => {
    const [open, closed] = [newPath(), newPath()]
    const before = process.umask(0o077)
    await listening({ path: open }, new MemorySink())
    await listening({ path: closed, mode: '0620' }, new MemorySink())
    process.umask(before)
    expect([open, closed].map((path) => lstatSync(path).mode & 0o7777)).toEqual([0o666, 0o620])
  })

  for (const socket of ['datagram', 'stream']) {
    test(`${socket}: is replaced if a killed process left it, and is removed at stop`, async () => {
      const path = newPath()
      spawnSync(process.execPath, ['-e', staleSocket(socket), path])
      expect(lstatSync(path).isSocket()).toBe(true)
      const sink = new MemorySink()
      const { stop } = await listening({ path, socket }, sink)
      await sendTo(socket, path, '<13>heard')
      await until('a message', () => sink.texts.includes('<13>heard'))
      await stop()
      expect(existsSync(path)).toBe(false)
    })

    for (const other of ['datagram', 'stream']) {
      test(`${socket}: is left alone, with a fault, if another process listens on it as a ${other} socket`, async () => {
        const path = newPath()
        await listening({ path, socket: other }, new MemorySink())
        const before = inode(path)
        await expect(listening({ path, socket }, new MemorySink())).rejects.toMatchObject({ code: 'SOCKET_TAKEN' })
        expect(inode(path)).toBe(before)
      })
    }

    test(`${socket}: is not removed at stop if another process has replaced it`, async () => {
      const path = newPath()
      const { stop } = await listening({ path, socket }, new MemorySink())
      rmSync(path)
      const other = createServer()
      onTestFinished(() => void other.close())
      await new Promise<void>((resolve) => other.listen(path, resolve))
      const theirs = inode(path)
      await stop()
      expect(inode(path)).toBe(theirs)
    })
  }

  test('a file, folder or pipe at its path is left alone, with a fault', async () => {
    const file = newPath()
    writeFileSync(file, 'precious')
    const folder = newPath()
    mkdirSync(folder)
    const pipe = newPath()
    execFileSync('mkfifo', [pipe])
    for (const path of [file, folder, pipe]) {
      await expect(listening({ path }, new MemorySink())).rejects.toMatchObject({ code: 'SOCKET_UNAVAILABLE' })
      expect(existsSync(path)).toBe(true)
    }
  })

  test('a path that is too long for a socket is refused', async () => {
    await expect(listening({ path: `/${'x'.repeat(107)}` }, new MemorySink())).rejects.toThrow(
      'too long for a Unix socket',
    )
  })

  test('a missing folder is a fault, and so is a path that leaves no room for the name under which a socket is created', async () => {
    const nowhere = join(newPath(), 'log')
    const parent = temporaryFolder()
    const folder = join(parent, 'x'.repeat(104 - parent.length))
    mkdirSync(folder)
    for (const [path, socket] of [
      [nowhere, 'datagram'],
      [join(folder, 'l'), 'stream'],
    ]) {
      await expect(listening({ path, socket }, new MemorySink())).rejects.toMatchObject({ code: 'SOCKET_UNAVAILABLE' })
    }
  })

  test('a dangling symbolic link is replaced; a link to a socket that is in use is a fault', async () => {
    const dangling = newPath()
    symlinkSync(`${dangling}.gone`, dangling)
    await listening({ path: dangling }, new MemorySink())
    expect(lstatSync(dangling).isSocket()).toBe(true)
    const link = newPath()
    symlinkSync(dangling, link)
    await expect(listening({ path: link }, new MemorySink())).rejects.toMatchObject({ code: 'SOCKET_TAKEN' })
    expect(readlinkSync(link)).toBe(dangling)
  })

  for (const socket of ['datagram', 'stream']) {
    test(`${socket}: is created again if it is removed; if another process replaces it, that is logged once`, async () => {
      const sink = new MemorySink()
      const path = newPath()
      // Checks the file fifty times as often.
      const clock = { ...systemClock, after: (ms: number, call: () => void) => systemClock.after(ms / 50, call) }
      const { platform } = await listening({ path, socket }, sink, { clock })
      const logged = (text: string) => platform.log.lines.filter((line) => line.text.includes(text)).length
      rmSync(path)
      await until('it is there again', () => existsSync(path))
      await until('it is logged', () => logged('creating it again') === 1)
      await sendTo(socket, path, '<13>again')
      await until('a message', () => sink.texts.includes('<13>again'))
      rmSync(path)
      const other = createServer()
      await new Promise<void>((resolve) => other.listen(path, resolve))
      await until('it is logged', () => logged('another process') > 0)
      await new Promise<void>((resolve) => other.close(() => resolve()))
      await until('it is back', () => logged('creating it again') === 2)
      expect(logged('another process')).toBe(1)
    })
  }
})

async function sendTo(socket: string, path: string, text: string): Promise<void> {
  if (socket === 'datagram') await sendDatagrams(path, [text])
  else (await dial(path)).end(`${text}\n`)
}

/** The source of a program that leaves a socket file behind. */
function staleSocket(kind: string): string {
  const killed = `process.kill(process.pid, 'SIGKILL')`
  if (kind === 'stream') return `require('node:net').createServer().listen(process.argv[1], () => ${killed})`
  return `require('unix-dgram').createSocket('unix_dgram').bind(process.argv[1]); ${killed}`
}

describe('streams', () => {
  test('messages that end with NUL, as from syslog(3), or with a newline, or are octet counted, are split', async () => {
    const sink = new MemorySink()
    const path = newPath()
    await listening({ path, socket: 'stream' }, sink)
    const socket = await dial(path)
    socket.write('<13>a\0<13>b\n6 <13>cd<13>half')
    await until('the whole ones', () => sink.texts.length === 3)
    socket.end()
    await until('the half', () => sink.texts.length === 4)
    expect(sink.texts).toEqual(['<13>a', '<13>b', '<13>cd', '<13>half'])
  })

  test('at a stop, connections that have not been accepted yet are read too', async () => {
    const sink = new MemorySink()
    const path = newPath()
    const { stop } = await listening({ path, socket: 'stream' }, sink)
    const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(path)))
    for (const socket of sockets) socket.end('<13>a\n')
    await stop()
    expect(sink.texts).toHaveLength(50)
  })
})
