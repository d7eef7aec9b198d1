// The life of a daemon: configuration, lock, pipeline, signals, the counters logged once a minute, drain.

import { heartbeat, systemClock } from '../common/clock.ts'
import { Fault } from '../common/fault.ts'
import { REPORT_EVERY_MS } from '../common/limits.ts'
import { openInstance } from '../common/instance.ts'
import { openLog, type Log } from '../common/log.ts'
import { createMetrics } from '../common/metric.ts'
import { lockDataFolder } from '../common/net/data-lock.ts'
import { libc } from '../common/net/libc.ts'
import { systemPlatform, type Platform } from '../common/platform.ts'
import { watchTerminals } from '../common/terminal.ts'
import { Pipeline } from './assemble.ts'
import type { Configuration, Mode } from './configuration.ts'
import { builtInText, loadToRun } from './load.ts'
import { adviceFor } from './advice.ts'
import { writeOut } from './command/standard-streams.ts'
import { CounterReport } from './counter-report.ts'
import { reportForgottenSpools } from './forgotten-spools.ts'
import { reportRenamedSources } from './renamed-sources.ts'
import { Sighups } from './sighup.ts'
import { localHostName } from './host-name.ts'
import { loopsOf } from './loops.ts'

const EXIT_OK = 0
const EXIT_CANNOT_START = 2

// How long something may keep the process alive after everything is done, such as a reader of stdout that does not read.
const LEAVE_MS = 1_000

/** Writes the built-in configuration of a mode to stdout. */
export async function printBuiltIn(mode: Mode): Promise<void> {
  await writeOut(await builtInText(mode))
}

/**
 * Runs a mode in the foreground until SIGTERM, SIGINT or the end of all sources; resolves to the exit status. A second later the process
 * exits with that status, even if something else would keep it alive.
 */
export async function runDaemon(mode: Mode, configPath: string | undefined): Promise<number> {
  const haveHungUp = watchTerminals()
  // A destination that could not go on has set a status of its own.
  const status = (await runFromConfiguration(mode, configPath)) || Number(process.exitCode ?? EXIT_OK)
  systemClock.after(LEAVE_MS, () => void leave(status))
  const calls = await libc()
  // At the very end Node gives terminals their settings back, and aborts if one has hung up (its window was closed).
  process.once('exit', () => {
    if (haveHungUp()) calls?.exit(status)
  })
  return status
}

/**
 * Ends the process without waiting for the threads of Node. A thread that looks up a name blocks as long as the name servers do not
 * answer: up to minutes, longer than a service manager waits for a stop. One that opens a pipe blocks until somebody writes to it.
 */
async function leave(status: number): Promise<void> {
  const calls = await libc()
  calls?.exit(status)
  process.exit(status)
}

async function runFromConfiguration(mode: Mode, configPath: string | undefined): Promise<number> {
  const log = openLog()
  const stopSignal = untilAskedToStop()
  // The configuration file may be a pipe that nobody writes to.
  const loaded = await Promise.race([loadToRun(configPath, mode), stopSignal.then(() => undefined)])
  if (!loaded) return EXIT_OK
  if (!loaded.configuration) {
    process.stderr.write(loaded.text)
    return EXIT_CANNOT_START
  }
  const platform = systemPlatform(log, createMetrics())
  try {
    return await runPipeline(loaded.configuration, loaded.builtIn, platform, stopSignal)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    log.fatal({ code: error.code, advice: adviceFor(error.code) }, error.detail)
    return EXIT_CANNOT_START
  }
}

async function runPipeline(
  configuration: Configuration,
  builtIn: boolean,
  platform: Platform,
  stopSignal: Promise<string>,
): Promise<number> {
  const { log } = platform
  const { mode, path: config, dataFolder: data } = configuration
  const sighups = new Sighups()
  const lock = await lockDataFolder(data, platform.disk, platform.random)
  try {
    const instance = await openInstance(data, localHostName(), platform)
    const pipeline = Pipeline.assemble(configuration, localHostName(), { ...platform, instance })
    await reportRenamedSources(configuration, platform)
    await pipeline.open()
    // Not waited for: it reads them whole, which takes a second for each few hundred MB.
    void reportForgottenSpools(configuration, platform)
    for (const loop of loopsOf(configuration)) {
      log.warn(loop, 'a source reads what a destination writes: its lines come again without end')
    }
    log.info({ mode, config, data, instance }, 'sluice is up')
    if (builtIn && mode === 'server') process.stdout.write(threeThingsToTry)
    await untilStopped(stopSignal, pipeline, platform, sighups)
    log.info('sluice is down: everything in flight has been stored or counted')
    return EXIT_OK
  } finally {
    await lock.release()
  }
}

/**
 * Resolves to the name of the first signal to stop; the second one, of either kind, ends the program at once. Call it before anything is
 * opened, so that what a source received before "sluice is up" was logged is drained as well.
 */
function untilAskedToStop(): Promise<string> {
  const names = ['SIGTERM', 'SIGINT'] as const
  return new Promise((resolve) => {
    const stop = (signal: string): void => {
      for (const name of names) process.off(name, stop)
      resolve(signal)
    }
    for (const name of names) {
      // Replaces the listener of `main.ts`, which ends the program at once while it is being loaded. The new listener is added before
      // the old one is removed, since Node loses a signal that arrives while there is no listener.
      const before = process.listeners(name)
      process.on(name, stop)
      for (const listener of before) process.off(name, listener)
    }
  })
}

async function untilStopped(
  stopSignal: Promise<string>,
  pipeline: Pipeline,
  platform: Platform,
  sighups: Sighups,
): Promise<void> {
  const { log } = platform
  const report = new CounterReport(platform.metrics, log)
  // The timers of the platform do not keep the process alive; this one does, even for a client that only follows files.
  const writeReport = (): Promise<void> => {
    pipeline.measure()
    return report.write()
  }
  const stopReports = heartbeat(REPORT_EVERY_MS, () => void writeReport())
  sighups.begin(() => reopen(pipeline, log))
  const reason = await Promise.race([stopSignal, pipeline.run().then(() => 'the end of all sources')])
  log.info({ reason }, 'stopping: accepting no more messages')
  sighups.end()
  await pipeline.drain()
  await writeReport()
  stopReports()
}

async function reopen(pipeline: Pipeline, log: Log): Promise<void> {
  await pipeline.reopen()
  log.info('output files reopened')
}

const threeThingsToTry = `
sluice is listening on 127.0.0.1:5514 (udp and tcp) and follows this machine's
logs. Three things to try:

  logger -n 127.0.0.1 -P 5514 -d 'hello'    send it a message
  npx sluice grep hello                     find it again
  npx sluice grep -p err -S -1h             every error of the last hour

Ctrl-C drains and stops. \`npx sluice server --print-config\` prints the
configuration that is running.

`
