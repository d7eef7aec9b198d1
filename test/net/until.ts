// Waits for something that the system does asynchronously: a condition with a deadline, never a fixed sleep.

const DEADLINE_MS = 10_000

/** Resolves when `holds` returns true; rejects after ten seconds, naming `what`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + DEADLINE_MS
  while (!(await holds())) {
    if (Date.now() > giveUp) throw new Error(`waited ten seconds for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
