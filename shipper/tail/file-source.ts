// The `file` source: follows the files that match its patterns, and resumes where it left off.
//
//   watch ─ hint ─┐                       ┌─▶ read a piece ─▶ batch ─▶ sink
//   every few s ──┴─▶ sweep ─▶ tracker ───┤
//                                         └─◀ settled ─▶ positions ─ commit ─▶ disk

import type { ComponentContext, SourceType } from '../../common/component.ts'
import { sleep } from '../../common/clock.ts'
import { reasonOf } from '../../common/fault.ts'
import { unpooledCopy } from '../../common/unpooled-copy.ts'
import { RETRY_FIRST_MS } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { either, list, oneOf, options, OptionFault, text, textOption, type OptionsOf } from '../../common/option.ts'
import { facility, path, severity } from '../../common/option-values.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Sink, Source } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import type { FollowedFile } from './followed-file.ts'
import { removeLeftTemporaries } from './remainder-finder.ts'
import { continuation, indented, startPattern, type MessageStart } from './message-start.ts'
import { isForCompressed, nameText, PathPatterns, shownName } from './pattern.ts'
import { PositionStore } from './position-store.ts'
import { namedPath, programOf, programOfAll } from './program.ts'
import { Reader } from './reader.ts'
import { stacktrace } from './stack-trace.ts'
import { Tracker } from './tracker.ts'
import { FolderWatch } from './watch.ts'

// Elsewhere a leading `!` negates a pattern. Here it would be a part of the name, so that nothing is excluded.
const isPositive = (pattern: string) => !/^!(?!\()/.test(pattern)
const fitsLines = (pattern: string) => !isForCompressed(pattern)

const fileOptions = options({
  paths: list(
    path('a path or pattern', 'such as /var/log/app/*.log')
      .refine(isPositive, '"!" negates nothing here; files to skip belong in "exclude"')
      .refine(fitsLines, 'a pattern finds no compressed files; name the file that is written'),
  ).describe('Files to follow; glob patterns are allowed, and leave out compressed files (.gz, .zst, .bz2, .xz).'),
  exclude: list(
    path('a pattern', 'such as *.gz').refine(isPositive, '"!" negates nothing here; "exclude" has no exceptions'),
    0,
  )
    .prefault([])
    .describe('Files to skip although `paths` matches them.'),
  program: text()
    .optional()
    .describe(
      'Program of lines without a header; the default is the name of the file before its rotation, up to the first dot.',
    ),
  facility: facility().prefault('user').describe('Facility of lines without a PRI.'),
  severity: severity().prefault('notice').describe('Severity of lines without a PRI.'),
  read_from: oneOf('start', 'end')
    .prefault('start')
    .describe(
      'Where to begin in files that exist at the very first start, also if they can only be read later; files that ' +
        'appear later are read from their start, and so are those in a folder that could not be listed then.',
    ),
  multiline: either([
    oneOf('continuation', 'indented', 'stacktrace'),
    options({
      start: textOption({ kind: 'a regular expression' }, startOption).describe(
        'A line that matches begins a message; all others continue it.',
      ),
    }),
  ])
    .optional()
    .describe(
      'How lines are joined into one message: `continuation` joins a line that ends in a backslash with the next one; ' +
        '`indented` joins lines that begin with a space or tab to the line before; `stacktrace` does so too, and with ' +
        'lines that belong to a trace without being indented. Except with `continuation`, a message is delivered when ' +
        'the next one begins, or when its file has been rotated or removed.',
    ),
})

type FileOptions = OptionsOf<typeof fileOptions>

// In slashes, as a mask is written, `^` and `$` never match: the whole file would be one message.
function startOption(pattern: string): MessageStart {
  const [, within] = /^\/(\^.*|.*\$)\/$/s.exec(pattern) ?? []
  if (within === undefined) return startPattern(pattern)
  throw new OptionFault({ sentence: `${pattern} is written without slashes here`, suggestion: within })
}

export const fileSource: SourceType<FileOptions> = {
  type: 'file',
  about: 'Follows files across rotation, truncation and restarts, and delivers only what is new.',
  options: fileOptions,
  reads({ paths, exclude }) {
    const patterns = new PathPatterns(paths, exclude)
    return (path) => patterns.matches(nameText(Buffer.from(path)))
  },
  programOf: ({ paths }) => programOfAll(paths),
  create: (given, context) => new FileSource(given, context),
}

// Sweeps are the source of truth; hints only make them happen sooner.
const SWEEP_MS = 3_000
/** The minimum interval of sweeps while files are being read: each sweep looks at all of them. */
const READING_SWEEP_MS = 250
const HINT_WAIT_MS = 20
const SAVE_MS = 250
const RETRY_MS = 1_000

class FileSource implements Source {
  readonly name: string
  readonly #options: FileOptions
  readonly #context: ComponentContext
  readonly #platform: Platform
  readonly #store: PositionStore
  readonly #watch: FolderWatch
  readonly #warning: RateLimitedWarning
  readonly #origins = new WeakMap<FollowedFile, { readonly path: string; readonly origin: Origin }>()
  readonly #changed = new Set<FollowedFile>()
  #tracker: Tracker | undefined
  #hinted = true
  #roused = true
  #putOff = false
  /** When the last sweep began, monotonic ms. */
  #sweptMs = -Infinity
  #sweepFailed = false
  #wake: (() => void) | undefined

  constructor(given: FileOptions, context: ComponentContext) {
    this.name = context.name
    this.#options = given
    this.#context = context
    this.#platform = context.platform
    this.#store = new PositionStore(`${this.#folder}/positions`, context.platform)
    this.#watch = new FolderWatch(context.platform.log, context.platform.clock)
    this.#warning = new RateLimitedWarning(context.platform.log, context.platform.clock)
  }

  get #folder(): string {
    return `${this.#context.dataFolder}/sources/${this.name}`
  }

  async open(): Promise<void> {
    const known = await this.#store.open()
    const { paths, exclude, read_from: readFrom } = this.#options
    const patterns = new PathPatterns(paths, exclude)
    const folder = nameText(Buffer.from(this.#folder))
    await removeLeftTemporaries(this.#platform.disk, folder)
    const settings = { source: this.name, patterns, folder, readFrom }
    this.#tracker = new Tracker(settings, this.#store, !known, this.#platform)
    this.#tracker.open.begin()
    this.#watch.start((path, written) => this.#touched(path, written))
  }

  async run(sink: Sink, signal: AbortSignal): Promise<void> {
    const tracker = this.#tracker!
    const reader = new Reader(
      {
        source: this.name,
        messageBytesMax: this.#context.messageBytesMax,
        multiline: multilineOf(this.#options),
        originOf: (file) => this.#originOf(file),
        settled: (file) => this.#changed.add(file),
        givenBack: () => this.#rouse(),
      },
      sink,
      this.#platform,
    )
    const onAbort = () => this.#hint()
    signal.addEventListener('abort', onAbort)
    const saving = this.#saveUntil(sink, signal)
    while (!signal.aborted) {
      await this.#sweepIfDue(tracker, 0)
      const read = await this.#readTurn(tracker, reader, signal)
      if (!read && !signal.aborted) await this.#pause()
    }
    signal.removeEventListener('abort', onAbort)
    await this.#watch.stop()
    await reader.close()
    await saving
    await this.#save(sink)
    for (const file of tracker.files) await file.closeFile()
    tracker.open.end()
    await this.#store.close()
  }

  /** Sweeps if there was a hint, but not within `pauseMs` of the last sweep; without a hint every few seconds. */
  async #sweepIfDue(tracker: Tracker, pauseMs: number): Promise<void> {
    const { clock } = this.#platform
    const waitMs = this.#sweepFailed ? RETRY_MS : this.#hinted ? pauseMs : SWEEP_MS
    if (clock.monotonicMs() - this.#sweptMs < waitMs) return
    this.#hinted = false
    this.#sweptMs = clock.monotonicMs()
    this.#sweepFailed = false
    try {
      await tracker.sweep()
    } catch (error) {
      this.#sweepFailed = true
      if (!this.#store.isFailing) this.#warnOfRetry('looking for files', error)
    }
    this.#watch.follow(tracker.folders)
  }

  /**
   * Waits until another piece may be read. Sweeps continue meanwhile: a file that is created and removed while destinations are slow
   * must be opened while it exists.
   */
  async #room(tracker: Tracker, reader: Reader, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await this.#sweepIfDue(tracker, READING_SWEEP_MS)
    if (reader.hasRoom) return
    // No AbortController: one for each piece took a twelfth of a busy client's main thread.
    let isThere = false
    let wake = () => {}
    void reader.room().then(() => {
      isThere = true
      wake()
    })
    while (!isThere) {
      await new Promise<void>((resolve) => {
        const cancel = this.#platform.clock.after(READING_SWEEP_MS, resolve)
        wake = () => {
          cancel()
          resolve()
        }
      })
      if (!signal.aborted) await this.#sweepIfDue(tracker, READING_SWEEP_MS)
    }
  }

  /** Reads one piece of each file that has unread bytes; true if there was any. */
  async #readTurn(tracker: Tracker, reader: Reader, signal: AbortSignal): Promise<boolean> {
    let any = false
    this.#putOff = false
    let open = tracker.open.count
    for (const file of [...tracker.files]) {
      if (signal.aborted) return false
      if (file.ended) continue
      if (!file.dirty && (!tracker.isDone(file) || file.lingers)) continue
      if (!file.known || file.retryMs > this.#platform.clock.monotonicMs()) {
        this.#putOff = true
        continue
      }
      const sweptMs = this.#sweptMs
      await this.#room(tracker, reader, signal)
      if (this.#sweptMs !== sweptMs) open = tracker.open.count
      if (!file.isOpen) open += 1
      try {
        if (await this.#readPiece(file, tracker, reader)) any = true
      } catch (error) {
        await this.#failed(file, error)
      }
      open = await tracker.open.bound(open)
    }
    return (await this.#makeKnown(tracker)) || any
  }

  async #makeKnown(tracker: Tracker): Promise<boolean> {
    try {
      return await tracker.makeKnown()
    } catch {
      this.#putOff = true // the store has reported it
      return false
    }
  }

  async #readPiece(file: FollowedFile, tracker: Tracker, reader: Reader): Promise<boolean> {
    file.dirty = false
    const done = tracker.isDone(file)
    const handle = await file.file(this.#platform.disk)
    if (!handle) {
      // The file had been closed, and its name now belongs to another file. If a sweep found it nowhere, its rest is looked for as after a
      // restart.
      if (!file.gone) return this.#lookFor(file)
      await tracker.cut(file)
      return true
    }
    const first = await tracker.lookAtFirst(file, handle)
    if (first === 'copy') this.#hint()
    if (first !== undefined) return false
    const before = file.position
    const result = await reader.read(file, handle, done)
    if (result === 'more') file.dirty = true
    if (file.position !== before) file.lastMs = this.#platform.clock.monotonicMs()
    if (result === 'cut') await tracker.cut(file)
    if (result === 'end' && done && file.leaving && !file.dirty && !file.hasOpenWrites) await tracker.drop(file)
    return result !== 'end'
  }

  /** Postpones reading the file until another sweep has found out where it is. */
  #lookFor(file: FollowedFile): false {
    file.dirty = true
    file.retryMs = this.#platform.clock.monotonicMs() + RETRY_FIRST_MS
    this.#hint()
    return false
  }

  /** Retries a file later that could not be read. It never stops the others. */
  async #failed(file: FollowedFile, error: unknown): Promise<void> {
    await file.mistrust(this.#platform.disk, error)
    file.dirty = true
    file.retryMs = this.#platform.clock.monotonicMs() + RETRY_MS
    this.#warnOfRetry(shownName(file.path), error)
  }

  #warnOfRetry(what: string, error: unknown): void {
    this.#warning.warn({ source: this.name, what, reason: reasonOf(error) }, 'failed; will retry')
  }

  // A write to a followed file needs no sweep; otherwise five thousand busy files would cause one all the time.
  #touched(path: string, written: boolean): void {
    if (written && this.#tracker?.touched(path)) this.#rouse()
    else this.#hint()
  }

  #hint(): void {
    this.#hinted = true
    this.#rouse()
  }

  #rouse(): void {
    this.#roused = true
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** Waits for a hint, or until the next sweep is due. Hints in quick succession count as one. */
  async #pause(): Promise<void> {
    const { clock } = this.#platform
    if (!this.#roused) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(this.#putOff || this.#sweepFailed ? RETRY_FIRST_MS : SWEEP_MS, resolve)
        this.#wake = () => {
          cancel()
          resolve()
        }
      })
    }
    await sleep(clock, HINT_WAIT_MS)
    this.#roused = false
  }

  async #saveUntil(sink: Sink, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#platform.clock, SAVE_MS, signal)
      await this.#save(sink)
    }
  }

  async #save(sink: Sink): Promise<void> {
    const changed = [...this.#changed]
    this.#changed.clear()
    try {
      for (const file of changed) {
        if (!file.ended) this.#store.set(file.record)
      }
      await this.#store.commit()
      const over = this.#store.takeOver()
      // If the destination cannot be told, it keeps the marks of these streams as long as those of silent ones.
      if (over.length > 0) sink.streams?.retire(over).catch(() => {})
    } catch {
      // Tried again in a moment; the store has logged it.
      for (const file of changed) this.#changed.add(file)
    }
  }

  #originOf(file: FollowedFile): Origin {
    const path = namedPath(file)
    const known = this.#origins.get(file)
    if (known?.path === path) return known.origin
    const { hostName, localZone } = this.#context
    const { program } = this.#options
    const origin: Origin = {
      source: this.name,
      lines: 'text',
      zone: localZone,
      host: unpooledCopy(Buffer.from(hostName)),
      program: unpooledCopy(program === undefined ? programOf(path) : Buffer.from(program)),
      priority: 8 * this.#options.facility + this.#options.severity,
    }
    this.#origins.set(file, { path, origin })
    return origin
  }
}

function multilineOf({ multiline }: FileOptions): MessageStart | undefined {
  if (multiline === undefined) return undefined
  if (typeof multiline === 'object') return multiline.start
  return { continuation, indented, stacktrace }[multiline]
}
