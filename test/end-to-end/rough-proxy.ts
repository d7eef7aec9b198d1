// A TCP proxy that behaves like a bad network. Bytes that it passes on are unchanged and in order, but at any byte it may end a
// connection, reset it, or stall one or both of its directions.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { pick, scaled, type Fraction } from './chance.ts'

export interface RoughProxy {
  readonly port: number
  /** How often each fault was injected, by name. */
  readonly done: ReadonlyMap<string, number>
  /** Injects no more faults, and resets the connections that are stalled. */
  calm(): void
  /** From now on new connections are treated badly again. */
  rage(): void
}

// Requests are long and answers are short, so each direction has its own range of bytes before a fault. With these ranges two
// connections in five get an answer to a batch; with fewer, senders would mostly wait to reconnect.
const ASKED_BYTES = { low: 200, high: 8 * 1024 * 1024 }
const ANSWERED_BYTES = { low: 50, high: 8 * 1024 }
const LIFE_MS = { low: 100, high: 6_000 }
const STALL_MS = { low: 50, high: 2_500 }

/** Starts a proxy to a port of this machine, until the end of the test. */
export async function roughProxy(target: number, fraction: Fraction): Promise<RoughProxy> {
  const done = new Map<string, number>()
  const open = new Set<RoughConnection>()
  let isCalm = false
  const server = createServer((near) => {
    const connection: RoughConnection = new RoughConnection(near, connect(target, '127.0.0.1'), fraction, (deed) => {
      if (deed === 'over') open.delete(connection)
      else done.set(deed, (done.get(deed) ?? 0) + 1)
    })
    open.add(connection)
    if (isCalm) connection.calm()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const connection of open) connection.reset()
  })
  const calm = () => {
    isCalm = true
    for (const connection of open) connection.calm()
  }
  return { port: (server.address() as AddressInfo).port, done, calm, rage: () => void (isCalm = false) }
}

class RoughConnection {
  readonly #near: Socket
  readonly #far: Socket
  readonly #fraction: Fraction
  readonly #tell: (deed: string) => void
  #isCalm = false
  #standsStill = false
  #timer: NodeJS.Timeout | undefined

  constructor(near: Socket, far: Socket, fraction: Fraction, tell: (deed: string) => void) {
    this.#near = near
    this.#far = far
    this.#fraction = fraction
    this.#tell = tell
    this.#pass(near, far, scaled(fraction, ASKED_BYTES.low, ASKED_BYTES.high))
    this.#pass(far, near, scaled(fraction, ANSWERED_BYTES.low, ANSWERED_BYTES.high))
    this.#timer = setTimeout(() => this.#act(), scaled(fraction, LIFE_MS.low, LIFE_MS.high))
  }

  calm(): void {
    this.#isCalm = true
    clearTimeout(this.#timer)
    if (this.#standsStill) this.reset()
  }

  reset(): void {
    clearTimeout(this.#timer)
    this.#near.resetAndDestroy()
    this.#far.resetAndDestroy()
  }

  #pass(from: Socket, to: Socket, bytesBefore: number): void {
    let left = Math.floor(bytesBefore)
    from.on('data', (chunk: Buffer) => {
      const passed = this.#isCalm ? chunk.length : Math.min(chunk.length, left)
      left -= passed
      if (!to.write(chunk.subarray(0, passed))) {
        from.pause()
        to.once('drain', () => this.#standsStill || from.resume())
      }
      if (left > 0 || this.#isCalm) return
      left = Infinity
      this.#act()
      if (passed < chunk.length && !from.destroyed) from.unshift(chunk.subarray(passed))
    })
    // If one side ends or fails, so does the other.
    from.on('error', () => to.resetAndDestroy())
    from.on('end', () => to.end())
    from.on('close', () => {
      clearTimeout(this.#timer)
      to.destroySoon()
      this.#tell('over')
    })
  }

  #act(): void {
    if (this.#standsStill) return
    clearTimeout(this.#timer)
    const deed = pick(this.#fraction, ['cut', 'reset', 'stall', 'stall asked', 'stall answered'])
    this.#tell(deed)
    if (deed === 'reset') return this.reset()
    if (deed === 'cut') {
      this.#near.destroySoon()
      this.#far.destroySoon()
      return
    }
    this.#standsStill = true
    if (deed !== 'stall answered') this.#near.pause()
    if (deed !== 'stall asked') this.#far.pause()
    this.#timer = setTimeout(() => this.#goOn(), scaled(this.#fraction, STALL_MS.low, STALL_MS.high))
  }

  #goOn(): void {
    if (this.#fraction() < 0.5) return this.reset()
    this.#standsStill = false
    this.#near.resume()
    this.#far.resume()
    this.#timer = setTimeout(() => this.#act(), scaled(this.#fraction, LIFE_MS.low, LIFE_MS.high))
  }
}
