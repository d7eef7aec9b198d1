// A repeatable event that can be awaited.

export class Signal {
  #next: Promise<void> | undefined
  #resolve: (() => void) | undefined

  /** Resolves at the next `raise`; all waiters share one promise. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    return this.#next
  }

  raise(): void {
    const resolve = this.#resolve
    this.#next = undefined
    this.#resolve = undefined
    resolve?.()
  }
}
