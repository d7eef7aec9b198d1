// Builds a running pipeline from a configuration. Each component opens, starts and stops on its own, so that a reload could
// restart only what has changed.
//
//   open:   destinations, then sources (a taken port is known before anything flows)
//   run:    sources write to the router, the router to each destination's queue
//   drain:  sources stop receiving → open writes settle → queues stop → destinations close

import { setMaxListeners } from 'node:events'
import type { ComponentContext } from '../common/component.ts'
import { sleep } from '../common/clock.ts'
import { compilePredicate } from '../common/expression/predicate.ts'
import { reasonOf } from '../common/fault.ts'
import { localZone } from '../common/message/zone.ts'
import { DestinationQueue } from '../common/pipeline/destination-queue.ts'
import { maskWith } from '../common/pipeline/mask.ts'
import { OwnStreamIds } from '../common/pipeline/own-stream-ids.ts'
import { Router, type Route } from '../common/pipeline/router.ts'
import type { Destination, Source } from '../common/pipeline/sink.ts'
import { SpooledDestination } from '../common/spool/spooled-destination.ts'
import type { Platform } from '../common/platform.ts'
import type { Configuration } from './configuration.ts'

/** All components of a configuration, connected by a router. */
export class Pipeline {
  readonly sources: readonly Source[]
  readonly destinations: readonly Destination[]
  readonly #queues: readonly DestinationQueue[]
  readonly #router: Router
  readonly #platform: Platform
  readonly #drainMs: number
  readonly #intake = new AbortController()
  #running: Promise<void>[] = []

  private constructor(
    sources: readonly Source[],
    destinations: readonly Destination[],
    routes: readonly Route[],
    drainMs: number,
    platform: Platform,
  ) {
    // Every source listens to this signal. With more than ten listeners, Node would print a warning about a possible leak.
    setMaxListeners(0, this.#intake.signal)
    this.sources = sources
    this.destinations = destinations
    this.#platform = platform
    this.#drainMs = drainMs
    this.#queues = destinations.map((destination) => new DestinationQueue(destination, platform))
    this.#router = new Router(routes, this.#queues, platform.metrics)
  }

  /** Creates all components of the configuration, without any access to disk or network. */
  static assemble(configuration: Configuration, hostName: string, platform: Platform): Pipeline {
    const { dataFolder, messageBytesMax } = configuration
    const contextOf = (name: string): ComponentContext => {
      return { name, platform, dataFolder, hostName, messageBytesMax, localZone }
    }
    const sources = configuration.sources.map(({ name, type, options }) => type.create(options, contextOf(name)))
    const passing = configuration.destinations.find(({ type, buffer }) => type.passesStreams && !buffer)
    const destinations = configuration.destinations.map(({ name, type, options, buffer }) => {
      const destination = type.create(options, contextOf(name))
      if (buffer) return new SpooledDestination(destination, `${dataFolder}/spool/${name}`, buffer, platform)
      return type.passesStreams && name !== passing?.name ? new OwnStreamIds(destination) : destination
    })
    const indexOf = new Map(configuration.destinations.map(({ name }, index) => [name, index]))
    const routes = configuration.routes.map((route): Route => {
      return {
        ...(route.from && { from: new Set(route.from) }),
        ...(route.where && { where: compilePredicate(route.where) }),
        to: route.to.map((name) => indexOf.get(name)!),
        final: route.final,
        ...(route.mask.length > 0 && { mask: maskWith(route.mask, platform.slabs) }),
      }
    })
    return new Pipeline(sources, destinations, routes, configuration.drainMs, platform)
  }

  /** Opens all components. Rejects with the first fault; destinations that are open by then are closed again. */
  async open(): Promise<void> {
    const opened: Destination[] = []
    try {
      for (const destination of this.destinations) {
        await destination.open()
        opened.push(destination)
      }
      for (const source of this.sources) await source.open()
    } catch (error) {
      for (const destination of opened) await destination.close(0)
      throw error
    }
  }

  /** Starts all sources; resolves when all of them have ended by themselves (`stdin` does; most never do). */
  run(): Promise<void> {
    this.#running = this.sources.map(async (source) => {
      await source.run(this.#router.sinkFor(source.name), this.#intake.signal)
    })
    return Promise.all(this.#running).then(() => {})
  }

  /** Sets the metrics that are worth determining only when they are read. */
  measure(): void {
    for (const queue of this.#queues) queue.measure()
  }

  /** Stops the sources, waits until the deadline for open writes, and closes everything. Safe to call twice. */
  async drain(): Promise<void> {
    const { clock, log } = this.#platform
    const startMs = clock.monotonicMs()
    const leftMs = () => Math.max(0, this.#drainMs - (clock.monotonicMs() - startMs))
    this.#intake.abort()
    const settled = Promise.allSettled(this.#running)
    await Promise.race([settled, sleep(clock, leftMs())])
    for (const queue of this.#queues) queue.stop()
    await Promise.all(
      this.destinations.map(async (destination) => {
        try {
          await destination.close(leftMs())
        } catch (error) {
          log.error({ destination: destination.name, reason: reasonOf(error) }, 'cannot close it cleanly')
        }
      }),
    )
    await settled
  }

  /**
   * SIGHUP: sources read their certificates again, destinations reopen their files. A failure is logged, and does not affect other
   * components; nor does a component that has to wait, for example for a full disk.
   */
  async reopen(): Promise<void> {
    await Promise.all([...this.sources, ...this.destinations].map((component) => this.#reopen(component)))
  }

  async #reopen(component: Source | Destination): Promise<void> {
    try {
      await component.reopen?.()
    } catch (error) {
      this.#platform.log.error({ component: component.name, reason: reasonOf(error) }, 'cannot reopen')
    }
  }
}
