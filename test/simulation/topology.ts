// Chooses the machines of a simulation and their configurations. The simplest topology is a client and a server; the dice add a relay,
// spools, a second server and a second destination.
//
//   client: file ─▶ [spool] ─▶ relp ═▶ [relay: relp ─▶ [spool] ─▶ relp ═▶] server: relp ─┬▶ [spool] ─▶ file
//                                                                       ╚▶ [server 2]    └▶ [store]

import { fileType } from '../../collector/file/file-type.ts'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import type { SourceType } from '../../common/component.ts'
import type { Disk } from '../../common/disk.ts'
import type { SpoolOptions } from '../../common/spool/spool-options.ts'
import type { Configuration, ConfiguredDestination, Mode } from '../../config/configuration.ts'
import { balances } from '../../shipper/forward/balancing.ts'
import { forwardType } from '../../shipper/forward/forward-destination.ts'
import { fileSource } from '../../shipper/tail/file-source.ts'
import type { Dice } from './dice.ts'
import { storeType } from './store.ts'

export const OUT = '/out/all.log'
const SERVER_PORT = 2514
const OTHER_SERVER_PORT = 2516
const RELAY_PORT = 2515

/** A bug to plant in a source or a disk. */
export interface Breakage {
  readonly source?: (source: SourceType<unknown>) => SourceType<unknown>
  readonly serverDisk?: (disk: Disk) => Disk
  readonly relayDisk?: (disk: Disk) => Disk
}

export interface Topology {
  readonly client: Configuration
  readonly relay: Configuration | undefined
  /** One, or two that share the work. */
  readonly servers: readonly Configuration[]
  /** Whether the servers have a store (`store.ts`) beside the file. */
  readonly hasStore: boolean
  /** Whether the client's streams reach the file of the only server, because there is no spool on the way. */
  readonly isPassedThrough: boolean
  /** A description for the story. */
  readonly about: string
}

const general = { dataFolder: '/data', messageBytesMax: 1024 * 1024, drainMs: 10_000, filters: new Map() }

export function topologyOf(dice: Dice, breakage: Breakage): Topology {
  const clientSpool = dice.chance(0.4)
  const hasRelay = dice.chance(0.4)
  const relaySpool = hasRelay && dice.chance(0.7)
  const serverSpool = dice.chance(0.15)
  const hasStore = dice.chance(0.3)
  const balance = dice.chance(0.2) ? dice.one(balances) : undefined
  const ports = balance ? [SERVER_PORT, OTHER_SERVER_PORT] : [SERVER_PORT]
  const toServers = { to: ports.map((port) => `relp://server:${port}`), ...(balance && { balance }) }
  const toRelay = { to: [`relp://relay:${RELAY_PORT}`] }
  return {
    client: clientOf(forward(hasRelay ? toRelay : toServers, clientSpool), breakage),
    relay: hasRelay ? listening('relay', RELAY_PORT, [forward(toServers, relaySpool)]) : undefined,
    servers: ports.map((port) => listening('server', port, stores(serverSpool, hasStore))),
    hasStore,
    isPassedThrough: !clientSpool && !relaySpool && !serverSpool && !balance,
    about: [
      clientSpool ? 'client with a spool' : 'client without a spool',
      hasRelay ? `relay with${relaySpool ? '' : 'out'} a spool` : 'no relay',
      balance ? `two servers, ${balance}` : 'one server',
      `${serverSpool ? 'spool and ' : ''}file${hasStore ? ' and store' : ''}`,
    ].join(', '),
  }
}

function clientOf(central: ConfiguredDestination, breakage: Breakage): Configuration {
  const options = fileSource.options.parse({ paths: ['/logs/*.log'] })
  return {
    ...general,
    mode: 'client',
    sources: [{ name: 'apps', type: breakage.source?.(fileSource) ?? fileSource, options }],
    destinations: [central],
    routes: [{ to: [central.name], final: false, mask: [] }],
  }
}

function listening(mode: Mode, port: number, destinations: readonly ConfiguredDestination[]): Configuration {
  const options = syslogSource.options.parse({ listen: [`relp://0.0.0.0:${port}`] })
  return {
    ...general,
    mode,
    sources: [{ name: 'network', type: syslogSource, options }],
    destinations,
    routes: [{ to: destinations.map(({ name }) => name), final: false, mask: [] }],
  }
}

function forward(to: object, hasSpool: boolean): ConfiguredDestination {
  return spooled({ name: 'central', type: forwardType, options: forwardType.options.parse(to) }, hasSpool)
}

function stores(hasSpool: boolean, hasStore: boolean): ConfiguredDestination[] {
  const options = fileType.options.parse({ path: OUT, line: '{message}' })
  const files = spooled({ name: 'files', type: fileType, options }, hasSpool)
  return hasStore ? [files, { name: 'store', type: storeType, options: {} }] : [files]
}

function spooled(destination: ConfiguredDestination, hasSpool: boolean): ConfiguredDestination {
  const buffer: SpoolOptions = { bytesMax: 2 ** 26, whenFull: 'block', durability: 'fsync', freeBytesMin: 0 }
  return hasSpool ? { ...destination, buffer } : destination
}
