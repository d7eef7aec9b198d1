// Counts datagrams that the kernel dropped because the receive buffer was full: the last column of /proc/net/udp and udp6.
//
//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//   12: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41232 2 0000000000 17

import type { Cancel } from '../../common/clock.ts'
import { parseAddress } from '../../common/expression/address.ts'
import { reasonOf } from '../../common/fault.ts'
import type { Endpoint } from '../../common/net/net.ts'
import type { Platform } from '../../common/platform.ts'

const EVERY_MS = 5_000
const TABLES = ['/proc/net/udp', '/proc/net/udp6'] as const

export class KernelDrops {
  readonly #source: string
  readonly #platform: Platform
  /** Our sockets as `port` or `address:port`, in the notation of the tables. */
  readonly #watched = new Set<string>()
  readonly #before = new Map<string, number>()
  #cancel: Cancel | undefined
  #stopped = false

  constructor(source: string, platform: Platform) {
    this.#source = source
    this.#platform = platform
  }

  /** Adds a socket of ours. If it was bound to a host name, it is identified by its port alone. */
  watch({ host, port }: Endpoint): void {
    const address = parseAddress(host)
    if (!address) this.#watched.add(`${port}`)
    else for (const written of tableAddresses(address)) this.#watched.add(`${written}:${port}`)
  }

  start(): void {
    if (this.#watched.size > 0) void this.#poll()
  }

  /** Counts once more. Call before the sockets are closed. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    if (this.#watched.size > 0) await this.#poll()
  }

  async #poll(): Promise<void> {
    let dropped = 0
    for (const table of TABLES) dropped += await this.#pollTable(table)
    if (dropped > 0) {
      const labels = { reason: 'udp_kernel', where: this.#source } as const
      this.#platform.metrics.count('sluice_dropped_total', labels, dropped)
      this.#platform.log.warn(
        { source: this.#source, messages: dropped },
        'datagrams dropped by the kernel: the receive buffer was full (raise net.core.rmem_max)',
      )
    }
    if (!this.#stopped) this.#cancel = this.#platform.clock.after(EVERY_MS, () => void this.#poll())
  }

  async #pollTable(table: string): Promise<number> {
    let text: string
    try {
      text = (await this.#platform.disk.readFile(table)).toString('latin1')
    } catch (error) {
      // Not Linux, or no IPv6. Logged once.
      if (!this.#before.has(table)) this.#platform.log.debug({ table, reason: reasonOf(error) }, 'not readable')
      this.#before.set(table, 0)
      return 0
    }
    let dropped = 0
    for (const { address, port, inode, drops } of parseUdpTable(text)) {
      if (!this.#watched.has(`${address}:${port}`) && !this.#watched.has(`${port}`)) continue
      dropped += Math.max(0, drops - (this.#before.get(inode) ?? 0))
      this.#before.set(inode, drops)
    }
    return dropped
  }
}

/** Parses a table in the format of /proc/net/udp. */
export function parseUdpTable(text: string): { address: string; port: number; inode: string; drops: number }[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 13)
    .map((fields) => ({
      address: fields[1].slice(0, fields[1].indexOf(':')),
      port: Number.parseInt(fields[1].slice(fields[1].indexOf(':') + 1), 16),
      inode: fields[9],
      drops: Number(fields[12]),
    }))
}

// The tables have addresses as 32-bit words in the byte order of the machine; both orders are accepted.
function tableAddresses(address: Uint8Array): string[] {
  const mapped = address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff
  const straight = Buffer.from(mapped ? address.subarray(12) : address)
  const swapped = Buffer.from(straight).swap32()
  return [straight, swapped].map((bytes) => bytes.toString('hex').toUpperCase())
}
