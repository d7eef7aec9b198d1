// The `forward` destination: to another syslog receiver over RELP, TCP or UDP.

import type { ComponentContext, DestinationType } from '../../common/component.ts'
import { lineFormatNames } from '../../common/message/line-format.ts'
import { list, oneOf, options, type OptionsOf } from '../../common/option.ts'
import { endpointUrl, type EndpointUrl } from '../../common/option-values.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination, StreamMarks } from '../../common/pipeline/sink.ts'
import { RelpLane } from './relp-lane.ts'
import { TcpLane } from './tcp-lane.ts'
import { UdpLane } from './udp-lane.ts'
import { WireEncoder } from './wire-encoder.ts'

const forwardOptions = options({
  to: list(endpointUrl(['tcp', 'udp', 'relp'], 'connect'))
    .superRefine((receivers, context) => {
      receivers.forEach((receiver, index) => {
        const message = whyNotWith(receivers[0], receiver)
        if (index > 0 && message !== undefined) context.addIssue({ code: 'custom', message, path: [index] })
      })
    })
    .describe('Receivers: the first that answers is used, in this order; one only for relp and udp.'),
  format: oneOf('received', ...lineFormatNames)
    .prefault('received')
    .describe('How messages are written; `received` is byte for byte as they came.'),
  framing: oneOf('octet', 'newline').prefault('octet').describe('How messages are told apart on TCP (RFC 6587).'),
})

type ForwardOptions = OptionsOf<typeof forwardOptions>

export const forwardType: DestinationType<ForwardOptions> = {
  type: 'forward',
  about: 'Sends on to another syslog receiver over RELP, TCP or UDP.',
  options: forwardOptions,
  create: (given, context) => new ForwardDestination(given, context),
}

function whyNotWith(first: EndpointUrl, other: EndpointUrl): string | undefined {
  if (first.scheme !== other.scheme) return 'receivers of one destination are all of one kind'
  if (first.scheme === 'udp') return 'nobody answers over udp, so a second receiver would never be used'
  if (first.scheme === 'relp') return 'this version sends to one receiver over relp'
  return undefined
}

class ForwardDestination implements Destination {
  readonly name: string
  readonly #lane: RelpLane | TcpLane | UdpLane

  constructor(given: ForwardOptions, context: ComponentContext) {
    this.name = context.name
    const { platform } = context
    const encoder = new WireEncoder(given.format, given.framing, platform.random)
    const [first] = given.to
    if (first.scheme === 'relp') this.#lane = new RelpLane(context.name, first, encoder, platform)
    else if (first.scheme === 'udp') this.#lane = new UdpLane(context.name, first, encoder, platform)
    else this.#lane = new TcpLane(context.name, given.to, encoder, platform)
  }

  /** Those of another sluice over RELP: nobody else keeps any. */
  get streams(): StreamMarks | undefined {
    return this.#lane instanceof RelpLane ? this.#lane.streams : undefined
  }

  open(): Promise<void> {
    return this.#lane.open()
  }

  write(batch: Batch): Promise<void> {
    return this.#lane.write(batch)
  }

  close(deadlineMs: number): Promise<void> {
    return this.#lane.close(deadlineMs)
  }
}
