// Waits for something that the system does asynchronously: a condition with a deadline, never a fixed sleep.

const DEADLINE_MS = 30_000

/** Resolves when `holds` returns true; rejects after half a minute, naming `what`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + DEADLINE_MS
  while (!(await holds())) {
    if (Date.now() > giveUp) throw new Error(`waited half a minute for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
