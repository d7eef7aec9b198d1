// The `unix` source: messages that programs on this machine send to /dev/log or another Unix socket.
//
//   <13>Nov 23 10:00:00 prog[1]: text        syslog(3) and logger(1): RFC 3164 without a host name
//
// While the queue of the socket is full, every program that calls syslog(3) blocks, and soon the whole machine. So the source keeps
// reading, whatever happens downstream: if there is no room for a new message, it is dropped and counted. With `socket: stream`,
// the senders can be made to wait instead (`when_full: block`).
//
// The sender of a message is what its header says: Node offers no access to the sender's credentials (SCM_CREDENTIALS).

import { resolve } from 'node:path'
import { sleep } from '../../common/clock.ts'
import type { ComponentContext, SourceType } from '../../common/component.ts'
import { reasonOf } from '../../common/fault.ts'
import { OPEN_WRITE_BYTES_MAX } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { defectBit } from '../../common/message/defects.ts'
import { DEFAULT_PRIORITY } from '../../common/message/priority.ts'
import { UNIX_DATAGRAM_BYTES_MAX } from '../../common/net/unix-datagrams.ts'
import { UnixSocket, type UnixReceiver } from '../../common/net/unix-socket.ts'
import { about, oneOf, options, type OptionsOf } from '../../common/option.ts'
import { fileMode, socketPath } from '../../common/option-values.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { DatagramIntake } from '../../common/pipeline/datagram-intake.ts'
import { Intake } from '../../common/pipeline/intake.ts'
import type { Sink, Source } from '../../common/pipeline/sink.ts'
import { UnixStreams } from './unix-streams.ts'

const unixOptions = options({
  path: socketPath('a path', 'such as /dev/log').describe('The socket file; created at start, removed at stop.'),
  socket: oneOf('datagram', 'stream')
    .prefault('datagram')
    .describe('Kind of socket: `datagram` is what syslog(3) and logger use; `stream` accepts connections.'),
  mode: fileMode().prefault('0666').describe('Mode of the socket file: whoever may write to it may send.'),
  when_full: oneOf('drop-newest', 'block')
    .prefault('drop-newest')
    .describe(
      'What happens to messages that the destinations have no room for. `drop-newest` drops and counts them, and no program ' +
        'ever waits. `block`, for `socket: stream` only, makes the senders wait: a destination that is down then sooner or ' +
        'later stops every program that logs here.',
    ),
}).superRefine(
  ({ socket, when_full: whenFull }, context) => {
    if (socket === 'stream' || whenFull === 'drop-newest') return
    const message = 'senders of datagrams cannot be made to wait; `block` needs `socket: stream`'
    context.addIssue({ code: 'custom', message, path: ['when_full'] })
  },
  about('socket', 'when_full'),
)

type UnixOptions = OptionsOf<typeof unixOptions>

export const unixSource: SourceType<UnixOptions> = {
  type: 'unix',
  claims: ({ path }) => (path === undefined ? [] : [{ path: ['path'], key: resolve(path) }]),
  about: 'Listens on a Unix socket, such as /dev/log, for messages of programs on this machine.',
  options: unixOptions,
  create: (given, context) => new UnixSource(given, context),
}

const DATAGRAM_CUT = defectBit('DATAGRAM_CUT')

// How often the socket file is checked: systemd and other log daemons may remove or replace it.
const LOOK_MS = 5_000

class UnixSource implements Source {
  readonly name: string
  readonly #path: string
  readonly #context: ComponentContext
  readonly #origin: Origin
  readonly #socket: UnixSocket
  readonly #datagrams: DatagramIntake
  readonly #streams: UnixStreams
  readonly #warning: RateLimitedWarning
  #intake: Intake | undefined
  /** Datagrams received between `open` and `run`. */
  #early: Buffer[] = []
  #earlyBytes = 0
  #reportedTaken = false

  constructor(given: UnixOptions, context: ComponentContext) {
    const { name, hostName, localZone, messageBytesMax, platform } = context
    this.name = name
    this.#path = given.path
    this.#context = context
    this.#origin = {
      source: name,
      lines: 'local',
      zone: localZone,
      host: Buffer.from(hostName),
      program: Buffer.alloc(0),
      priority: DEFAULT_PRIORITY,
    }
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#datagrams = new DatagramIntake({ source: name, messageBytesMax, reason: 'unix_queue_full' }, platform)
    this.#streams = new UnixStreams({ origin: this.#origin, messageBytesMax, whenFull: given.when_full }, platform)
    const receiver: UnixReceiver =
      given.socket === 'stream'
        ? { kind: 'stream', accept: (connection) => this.#streams.accept(connection) }
        : { kind: 'datagram', receive: (datagram) => this.#receive(datagram) }
    this.#socket = new UnixSocket(given, receiver, platform.disk, platform.random)
  }

  async open(): Promise<void> {
    await this.#socket.open()
    this.#context.platform.log.info({ source: this.name, path: this.#path }, 'listening')
  }

  async run(sink: Sink, signal: AbortSignal): Promise<void> {
    const { platform } = this.#context
    const intake = new Intake(this.name, sink, platform)
    this.#intake = intake
    for (const datagram of this.#early.splice(0)) this.#take(datagram, intake)
    this.#streams.start(intake)
    while (!signal.aborted) {
      await sleep(platform.clock, LOOK_MS, signal)
      if (!signal.aborted) await this.#look()
    }
    await this.#stop()
    await intake.close()
  }

  #receive(datagram: Buffer): void {
    if (this.#intake) return this.#take(datagram, this.#intake)
    this.#earlyBytes += datagram.length + 1
    if (this.#earlyBytes <= OPEN_WRITE_BYTES_MAX) this.#early.push(datagram)
    else this.#datagrams.drop()
  }

  #take(datagram: Buffer, intake: Intake): void {
    const mark = datagram.length >= UNIX_DATAGRAM_BYTES_MAX ? DATAGRAM_CUT : 0
    this.#datagrams.take(datagram, this.#origin, intake, mark)
  }

  /** Checks that the socket file is still that of this source: otherwise programs reach somebody else, or nobody. */
  async #look(): Promise<void> {
    const { log } = this.#context.platform
    const about = { source: this.name, path: this.#path }
    try {
      const state = await this.#socket.look()
      if (state === 'created again') log.warn(about, 'the socket file was removed: creating it again')
      if (state === 'taken' && !this.#reportedTaken) {
        log.error(
          about,
          'another process has replaced the socket file: messages of programs go there, not to this source',
        )
      }
      this.#reportedTaken = state === 'taken'
    } catch (error) {
      this.#warning.warn({ ...about, reason: reasonOf(error) }, 'cannot create the socket file again; will retry')
    }
  }

  /** Removes the socket file, and then reads everything that was sent before. */
  async #stop(): Promise<void> {
    const { log } = this.#context.platform
    try {
      await this.#socket.hide()
    } catch (error) {
      log.warn({ source: this.name, path: this.#path, reason: reasonOf(error) }, 'cannot remove the socket file')
    }
    await this.#datagrams.readOut()
    await this.#streams.acceptQueued()
    this.#socket.close()
    await this.#streams.stop()
    this.#datagrams.close()
  }
}
