// The `forward` destination: sends to one or several syslog receivers over RELP, TCP (both also with TLS) or UDP.

import type { ComponentContext, DestinationType } from '../../common/component.ts'
import { lineFormatNames } from '../../common/message/line-format.ts'
import { about, list, oneOf, options, type OptionsOf } from '../../common/option.ts'
import { endpointUrl, type EndpointUrl } from '../../common/option-values.ts'
import type { Endpoint } from '../../common/net/net.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination, Lanes, StreamMarks } from '../../common/pipeline/sink.ts'
import { examineTls, forwardTls, speaksTls } from '../../common/tls/tls-option.ts'
import { balances } from './balancing.ts'
import { plainDial, serviceDial, tlsDial, type ForwardTls } from './dial.ts'
import type { Lane, LaneOptions, LaneOwner } from './lane.ts'
import { Receivers } from './receivers.ts'
import { RelpLane } from './relp-lane.ts'
import { TcpLane } from './tcp-lane.ts'
import { UdpLane } from './udp-lane.ts'
import { WireEncoder } from './wire-encoder.ts'

const forwardSchemes = ['tcp', 'tls', 'udp', 'relp', 'relps'] as const

const forwardOptions = options({
  to: list(endpointUrl(forwardSchemes, 'connect'))
    .superRefine((receivers, context) => {
      receivers.forEach(({ scheme }, index) => {
        if (scheme === receivers[0].scheme) return
        const message = 'all receivers of a destination must have the same scheme'
        context.addIssue({ code: 'custom', message, path: [index] })
      })
    })
    .describe(
      'Receivers, all with the same protocol. A name is looked up at every connection attempt, and its addresses are tried in turn, ' +
        'starting with another one after a connection that was of no use. Over UDP it is looked up once a minute, and its first address is used until ' +
        'that host reports that nobody is listening or there is no route to it, then the next; messages wait while the name has no address or there is no route to any, or go to the other receivers. ' +
        '`relp+srv://example.net` (also `tcp+srv`, `tls+srv`, `relps+srv`) connects to what the SRV records of `_relp._tcp.example.net` name. ' +
        'Such a connection is kept even when a target of better priority comes back; the next connection goes there.',
    ),
  balance: oneOf(...balances)
    .optional()
    .describe(
      'How several receivers share the work. `failover`, the default, sends everything to the first receiver that works. A receiver that is ' +
        'connected but accepts nothing for 90 s while messages are waiting (over RELP: answers nothing) is abandoned if another one is available. ' +
        '`round-robin` assigns streams in turn, and batches that belong to no stream; `hash` assigns streams by their id, and other messages ' +
        'by peer or host. With these two a buffer keeps a separate stream for each receiver.',
    ),
  format: oneOf('received', ...lineFormatNames)
    .prefault('received')
    .describe('How messages are written; `received` is byte for byte as they were received.'),
  framing: oneOf('octet', 'newline')
    .optional()
    .describe(
      'How messages are delimited on TCP and TLS (RFC 6587, RFC 5425): with an octet count, the default, or by newlines. It has no effect on others.',
    ),
  tls: forwardTls()
    .optional()
    .describe('TLS settings for `tls://` and `relps://`; without them receivers are checked against the public CAs.'),
}).superRefine(
  ({ to, balance, tls }, context) => {
    const fault = (message: string, ...path: (string | number)[]) => context.addIssue({ code: 'custom', message, path })
    if (to.length === 0) return // the schema reports that already
    if (tls && !speaksTls(to[0])) fault('no address of "to" begins with tls:// or relps://', 'tls')
    if (to.length > 1 && to[0].scheme === 'udp' && (balance ?? 'failover') === 'failover') {
      fault('UDP has no answers, so with failover a second receiver would never be used', 'to', 1)
    }
  },
  about('to', 'balance', 'tls'),
)

type ForwardOptions = OptionsOf<typeof forwardOptions>

export const forwardType: DestinationType<ForwardOptions> = {
  type: 'forward',
  about: 'Forwards to one or more syslog receivers over RELP, TCP (both also with TLS) or UDP.',
  options: forwardOptions,
  passesStreams: true,
  examine: ({ tls }, disk) => examineTls(tls, disk),
  notes: ({ to: [{ scheme }], framing }) =>
    framing === undefined || scheme === 'tcp' || scheme === 'tls'
      ? []
      : [`framing: has no effect with ${scheme}://, only with tcp:// and tls://`],
  create: (given, context) => new ForwardDestination(given, context),
}

class ForwardDestination implements Destination {
  readonly name: string
  readonly #receivers: Receivers

  constructor(given: ForwardOptions, context: ComponentContext) {
    this.name = context.name
    const { platform } = context
    const lanes = given.to.map((to) => (owner: LaneOwner): Lane => {
      const encoder = new WireEncoder(given.format, given.framing ?? 'octet', platform.random)
      return laneTo(to, given.tls, { name: context.name, receiver: to, encoder, platform }, owner)
    })
    this.#receivers = new Receivers(context.name, given.balance ?? 'failover', lanes, platform)
  }

  /** The marks of the receivers over RELP; only another sluice keeps any. */
  get streams(): StreamMarks | undefined {
    return this.#receivers.streams
  }

  get dropped(): number {
    return this.#receivers.dropped
  }

  get lanes(): Lanes | undefined {
    return this.#receivers.lanes
  }

  open(): Promise<void> {
    return this.#receivers.open()
  }

  write(batch: Batch): Promise<void> {
    return this.#receivers.write(batch)
  }

  close(deadlineMs: number): Promise<void> {
    return this.#receivers.close(deadlineMs)
  }
}

function laneTo(
  to: EndpointUrl<(typeof forwardSchemes)[number]>,
  tls: ForwardTls | undefined,
  options: LaneOptions,
  owner: LaneOwner,
): Lane {
  if (to.scheme === 'udp') return new UdpLane(options, owner)
  const { name, platform } = options
  const domain = to.service === undefined ? undefined : to.host
  const dialTo = (at: Endpoint) =>
    speaksTls(to) ? tlsDial(name, at, tls ?? { verify: 'required' }, platform, domain) : plainDial(at, platform)
  const dial = to.service === undefined ? dialTo(to) : serviceDial(to.service, dialTo, platform)
  const Kind = to.scheme === 'tcp' || to.scheme === 'tls' ? TcpLane : RelpLane
  return new Kind(options, owner, dial)
}
