// The `forward` destination: to another syslog receiver, or several, over RELP, TCP or UDP.

import type { ComponentContext, DestinationType } from '../../common/component.ts'
import { lineFormatNames } from '../../common/message/line-format.ts'
import { list, oneOf, options, type OptionsOf } from '../../common/option.ts'
import { endpointUrl, type EndpointUrl } from '../../common/option-values.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination, StreamMarks } from '../../common/pipeline/sink.ts'
import { balances } from './dealing.ts'
import type { HealthChanged, Lane } from './lane.ts'
import { Receivers } from './receivers.ts'
import { RelpLane } from './relp-lane.ts'
import { TcpLane } from './tcp-lane.ts'
import { UdpLane } from './udp-lane.ts'
import { WireEncoder } from './wire-encoder.ts'

const forwardOptions = options({
  to: list(endpointUrl(['tcp', 'udp', 'relp'], 'connect'))
    .superRefine((receivers, context) => {
      receivers.forEach(({ scheme }, index) => {
        if (scheme === receivers[0].scheme) return
        const message = 'receivers of one destination are all of one kind'
        context.addIssue({ code: 'custom', message, path: [index] })
      })
    })
    .describe(
      'Receivers, all over the same protocol. A name is looked up at every connect, and each of its addresses tried.',
    ),
  balance: oneOf(...balances)
    .optional()
    .describe(
      'How several receivers share the work. `failover`, the default: all goes to the first that is well. `round-robin` deals ' +
        'out streams in turn, and batches that have none; `hash` deals out streams by their id, and other messages by peer or ' +
        'host. A buffer is one stream: what comes out of it goes to one receiver at a time.',
    ),
  format: oneOf('received', ...lineFormatNames)
    .prefault('received')
    .describe('How messages are written; `received` is byte for byte as they came.'),
  framing: oneOf('octet', 'newline').prefault('octet').describe('How messages are told apart on TCP (RFC 6587).'),
}).superRefine(({ to, balance }, context) => {
  const fault = (message: string, ...path: (string | number)[]) => context.addIssue({ code: 'custom', message, path })
  if (to.length === 1) {
    if (balance !== undefined) fault('there is one receiver, and nothing to balance', 'balance')
  } else if (to[0].scheme === 'udp' && (balance ?? 'failover') === 'failover') {
    fault('nobody answers over udp, so with failover a second receiver would never be used', 'to', 1)
  }
})

type ForwardOptions = OptionsOf<typeof forwardOptions>

export const forwardType: DestinationType<ForwardOptions> = {
  type: 'forward',
  about: 'Sends on to another syslog receiver, or several, over RELP, TCP or UDP.',
  options: forwardOptions,
  create: (given, context) => new ForwardDestination(given, context),
}

class ForwardDestination implements Destination {
  readonly name: string
  readonly #receivers: Receivers

  constructor(given: ForwardOptions, context: ComponentContext) {
    this.name = context.name
    const { platform } = context
    const lanes = given.to.map((to) => (healthChanged: HealthChanged): Lane => {
      const encoder = new WireEncoder(given.format, given.framing, platform.random)
      return laneTo(to, context, encoder, healthChanged)
    })
    this.#receivers = new Receivers(context.name, given.balance ?? 'failover', lanes, platform)
  }

  /** Those of other sluices over RELP: nobody else keeps any. */
  get streams(): StreamMarks | undefined {
    return this.#receivers.streams
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
  to: EndpointUrl<'tcp' | 'udp' | 'relp'>,
  { name, platform }: ComponentContext,
  encoder: WireEncoder,
  healthChanged: HealthChanged,
): Lane {
  if (to.scheme === 'relp') return new RelpLane(name, to, encoder, platform, healthChanged)
  if (to.scheme === 'udp') return new UdpLane(name, to, encoder, platform)
  return new TcpLane(name, to, encoder, platform, healthChanged)
}
