// Counters and gauges. Every name is defined here, with its sentence in the handbook. They are updated once per
// batch, never per message, so that prom-client's label maps stay off the hot path.

import { Counter, Gauge, Registry } from 'prom-client'
import type { FaultCode } from './fault-codes.ts'

/** The metrics by name: what each one measures, and its labels. */
export const metricTable = {
  sluice_received_total: { help: 'Messages received, by source.', labels: ['source'] },
  sluice_received_bytes_total: { help: 'Bytes of messages received, by source.', labels: ['source'] },
  sluice_stored_total: {
    help: 'Messages that a destination has acknowledged and not dropped; with a buffer, those that have left it.',
    labels: ['destination'],
  },
  sluice_dropped_total: {
    help: 'Messages dropped, by reason. Every loss is counted here.',
    labels: ['reason', 'where'],
  },
  sluice_unread_bytes_total: {
    help: 'Bytes of files that were truncated or removed, without a copy, before they were read.',
    labels: ['source'],
  },
  sluice_unrouted_total: { help: 'Messages that no route selected.', labels: [] },
  sluice_defects_total: { help: 'Messages kept although something is wrong with them.', labels: ['code', 'source'] },
  sluice_connections: { help: 'Open connections, by source.', labels: ['source'] },
  sluice_connections_refused_total: { help: 'Connections turned away, by reason.', labels: ['source', 'reason'] },
  sluice_tls_handshake_failed_total: {
    help: 'Connections whose TLS handshake failed, by source.',
    labels: ['source'],
  },
  sluice_reconnects_total: { help: 'Connection attempts after the first, by destination.', labels: ['destination'] },
  sluice_in_doubt_total: {
    help: 'Messages that the peer may have received twice: sent again, or kept at a stop for the next start.',
    labels: ['destination'],
  },
  sluice_write_errors_total: { help: 'Failed writes that are retried, by destination.', labels: ['destination'] },
  sluice_repeats_total: {
    help: 'Messages skipped because a destination had stored them, or was sending them, already.',
    labels: ['destination'],
  },
  sluice_queue_bytes: { help: 'Bytes that a destination has not stored yet.', labels: ['destination'] },
  sluice_braked_seconds_total: { help: 'Time for which a destination made its sources wait.', labels: ['destination'] },
  sluice_spool_bytes: { help: 'Bytes that a spool occupies on disk.', labels: ['destination'] },
  sluice_spool_messages: {
    help: 'Messages in a spool that the destination has not acknowledged.',
    labels: ['destination'],
  },
  sluice_spool_age_seconds: {
    help: 'Time since the oldest message of the spool was received.',
    labels: ['destination'],
  },
  sluice_spool_cut_bytes_total: {
    help: 'Bytes cut from the end of a spool at start: writes interrupted by a crash, none of them acknowledged.',
    labels: ['destination'],
  },
  sluice_output_cut_bytes_total: {
    help: 'Bytes cut off output files at start, since a crash came before their commit. A copy of them is in `<data>/cut/`.',
    labels: ['destination'],
  },
  sluice_files_followed: { help: 'Files that a source follows.', labels: ['source'] },
  sluice_rotated_closed_total: {
    help: 'Rotated files that were closed early because too many files were open.',
    labels: ['source'],
  },
  sluice_output_files: { help: 'Output files held open by a destination.', labels: ['destination'] },
} as const

/** Why a message is dropped (`reason` of `sluice_dropped_total`), with the handbook's sentence. */
export const dropReasonTable = {
  udp_kernel: 'The kernel had no room for a datagram in the receive buffer of a UDP socket.',
  udp_queue_full: 'Datagrams came in over UDP faster than the destinations took them.',
  unix_queue_full: 'Programs of this machine logged to a `unix` source faster than the destinations took it.',
  not_allowed: 'A datagram came from a sender that `allow` does not list.',
  udp_send: 'The system could not send a datagram.',
  udp_refused: 'The host of a UDP receiver reported that nobody is listening there.',
  relp_refused: 'A RELP receiver refused the message.',
  spool_full: 'A buffer with `when_full: drop-oldest` was full.',
  spool_damaged: 'The disk damaged a part of a buffer.',
  file_gone: 'A write failed, and the file that the messages came from was no longer there to be read again.',
  stopping: 'They were not stored when `drain` was over at a stop, and their source cannot read them again.',
  write_failed: 'A write failed, and their source cannot read them again.',
} as const

/** A reason from the table, or the code of the fault with which a write failed. */
export type DropReason = keyof typeof dropReasonTable | Lowercase<FaultCode>

export type MetricName = keyof typeof metricTable
type LabelsOf<N extends MetricName> = N extends 'sluice_dropped_total'
  ? { readonly reason: DropReason; readonly where: string }
  : Record<(typeof metricTable)[N]['labels'][number], string>

export interface Metrics {
  /** Adds to a counter (a name that ends in `_total`). */
  count<N extends MetricName>(name: N, labels: LabelsOf<N>, by: number): void
  /** Sets a gauge (any other name). */
  set<N extends MetricName>(name: N, labels: LabelsOf<N>, to: number): void
  /** The sum of a metric over all its labels. */
  total(name: MetricName): Promise<number>
  /** All values, by `name{label="value"}`. */
  snapshot(): Promise<Map<string, number>>
}

/** Creates metrics with a registry of their own: two pipelines in one test process do not share counters. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  for (const [name, { help, labels }] of Object.entries(metricTable)) {
    const options = { name, help, labelNames: [...labels], registers }
    if (name.endsWith('_total')) counters.set(name, new Counter(options))
    else gauges.set(name, new Gauge(options))
  }
  const values = async (name?: string) => {
    const all = await registry.getMetricsAsJSON()
    return all.filter((metric) => name === undefined || metric.name === name)
  }
  return {
    count: (name, labels, by) => counters.get(name)!.inc(labels, by),
    set: (name, labels, to) => gauges.get(name)!.set(labels, to),
    async total(name) {
      const [metric] = await values(name)
      return metric ? metric.values.reduce((sum, { value }) => sum + value, 0) : 0
    },
    async snapshot() {
      const flat = new Map<string, number>()
      for (const metric of await values()) {
        for (const { labels, value } of metric.values) {
          const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
          flat.set(pairs.length === 0 ? metric.name : `${metric.name}{${pairs.join(',')}}`, value)
        }
      }
      return flat
    },
  }
}
